#include <variant>

#include "core/engine_parts.hpp"
#include "core/overloaded.hpp"

namespace nemcon::core {

// ---- clients ----------------------------------------------------------------------------------

void Engine::Parts::on(const ClientGone& event) {
  submissions.on_client_gone(event.link);
  driver.on_client_gone(event.link);
  announce_change([&] { services.on_client_gone(event.link); });
  consumers.on_client_gone(event.link);
}

void Engine::Parts::on(const PermissionsReplaced& event) {
  context.permissions = Permissions{context.options.name, event.permissions};
  consumers.end_where([this](LinkId link, const std::string& queue) {
    return !gate.may_go_on(submissions.find(link), Verb::consume, queue);
  });
  const bool fewer = services.end_where([this](LinkId link, const std::string& service) {
    return !gate.may_go_on(submissions.find(link), Verb::serve, service);
  });
  if (fewer) announce_services();
}

void Engine::Parts::on(const ClientRequested& event) {
  if (const auto* open = std::get_if<Open>(&event.request)) {
    submissions.on_open(event.link, *open);
    return;
  }
  const Client* client = submissions.find(event.link);
  if (client == nullptr) {
    context.note("request before open");
    context.reply(event.link, Denied{.request = 0,
                                     .retryable = true,
                                     .reason = Reason::forbidden,
                                     .text = "no session is open on this link"});
    return;
  }
  if (gate.admits(*client, event.request)) on_request(*client, event.request);
}

void Engine::Parts::on_request(const Client& client, const Request& request) {
  const LinkId link = client.link;
  std::visit(
      Overloaded{
          [](const Open&) {},
          [&](const Submit& submit) { submissions.on_submit(client, submit); },
          [&](const Ask& ask) { submissions.on_ask(client, ask); },
          [&](const Acknowledge& ack) { submissions.on_acknowledge(client, ack); },
          [&](const Subscribe& subscribe) { consumers.on_subscribe(link, client.id, subscribe); },
          [&](const AddCredit& add) { consumers.on_add_credit(link, add); },
          [&](const Unsubscribe& unsubscribe) { consumers.on_unsubscribe(link, unsubscribe); },
          [&](const Settle& settled) { consumers.on_settle(link, settled); },
          [&](const Serve& serve) {
            announce_change([&] { (void)services.try_serve(link, serve); });
          },
          [&](const Unserve& unserve) {
            announce_change([&] { services.remove_instance(link, unserve.service); });
          },
          [&](const ServiceVote& vote) {
            if (services.try_take_vote(link, vote)) participant.on_service_vote(vote);
          },
          [&](const ServiceDone& done) { participant.on_service_done(done.call); },
          [&](const Inspect& inspect) { context.promise_reply(link, reporter.report(inspect)); },
      },
      request);
}

}  // namespace nemcon::core
