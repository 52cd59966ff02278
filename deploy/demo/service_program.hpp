// What demo-reserve and demo-charge have in common: a service that is offered at one node until the
// process is asked to stop.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <nemcon/service.hpp>

namespace nemcon::demo {

// From now on SIGTERM and SIGINT wait for await_stop(). Call it before any thread is made.
void block_stop_signals();

struct ServiceProgram {
  std::string node;  // Address of the node that the service lives at.
  std::string name;
  nemcon::Service service;
  std::size_t threads = 1;
};

// Blocks until SIGTERM or SIGINT; the node may come and go meanwhile. Says on standard output
// when the node has taken the service, and what else happens on standard error. Throws
// nemcon::Error when the node refuses for good.
void serve_until_stopped(const ServiceProgram& program);

}  // namespace nemcon::demo
