// Everything that an application needs of Nemcon.
#pragma once

#include <nemcon/client.hpp>
#include <nemcon/consumer.hpp>
#include <nemcon/error.hpp>
#include <nemcon/inspect.hpp>
#include <nemcon/keys.hpp>
#include <nemcon/message.hpp>
#include <nemcon/outcome.hpp>
#include <nemcon/service.hpp>
#include <nemcon/transaction.hpp>
#include <nemcon/version.hpp>
