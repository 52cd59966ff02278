#include "core/permissions.hpp"

#include <algorithm>

namespace nemcon::core {

namespace {

constexpr std::array<const char*, verb_count> verbs = {"send", "consume", "serve",
                                                       "call", "browse",  "admin"};

Error no_grant(std::string_view text) {
  return {Errc::remote_malformed,
          '"' + std::string{text} +
              "\" is no permission; allowed: \"VERB NAME@NODE\" or \"VERB NAME\" with a VERB of "
              "send, consume, serve, call, browse, admin, and * for any letters"};
}

bool is_pattern(std::string_view text) {
  return text.find('*') != std::string_view::npos;
}

}  // namespace

const char* to_text(Verb verb) {
  return verbs[static_cast<std::size_t>(verb)];
}

Result<Grant> parse_grant(std::string_view text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return no_grant(text);
  const auto* const verb = std::ranges::find(verbs, text.substr(0, blank));
  const std::string_view target = text.substr(blank + 1);
  const std::size_t at = target.find('@');
  const std::string_view name = target.substr(0, at);
  const std::string_view node = at == std::string_view::npos ? "" : target.substr(at + 1);
  const bool names_nothing = name.empty() || (at != std::string_view::npos && node.empty());
  const bool is_odd =
      target.find(' ') != std::string_view::npos || node.find('@') != std::string_view::npos;
  if (verb == verbs.end() || names_nothing || is_odd) return no_grant(text);
  return Grant{.verb = static_cast<Verb>(verb - verbs.begin()),
               .name = std::string{name},
               .node = std::string{node}};
}

// Greedy with one step back: linear for one star, never worse than the product of the lengths.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_text = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_in_text = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_in_text = in_text;
    } else if (at < pattern.size() && pattern[at] == text[in_text]) {
      ++at;
      ++in_text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_text = ++star_in_text;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*')
    ++at;
  return at == pattern.size();
}

std::string_view account_of(std::string_view principal) {
  return principal.substr(0, principal.find('/'));
}

Permissions::Permissions(std::string own_node, const PermissionOptions& options)
    : secured_(options.secured), own_node_(std::move(own_node)) {
  for (const VouchOptions& vouch : options.vouches) {
    if (!vouch.clients.empty()) vouches_[vouch.peer] = vouch.clients;
  }
  for (const ClientOptions& client : options.clients) {
    if (client.quota != QuotaOptions{}) quotas_[client.name] = client.quota;
    Account& account = client.name == "*" ? everybody_ : accounts_[client.name];
    for (const std::string& text : client.allow) {
      const Result<Grant> grant = parse_grant(text);
      if (!grant) continue;
      Granted& granted = account[static_cast<std::size_t>(grant->verb)];
      const std::string& node = grant->node.empty() ? own_node_ : grant->node;
      if (is_pattern(grant->name) || is_pattern(node)) {
        granted.patterns.push_back({.name = grant->name, .node = node});
      } else {
        granted.exact[grant->name].push_back(node);
      }
    }
  }
}

bool Permissions::allows(const Account& account, Verb verb, std::string_view name,
                         std::string_view node) {
  const Granted& granted = account[static_cast<std::size_t>(verb)];
  if (const auto found = granted.exact.find(name); found != granted.exact.end()) {
    if (std::ranges::find(found->second, node) != found->second.end()) return true;
  }
  return std::ranges::any_of(granted.patterns, [&](const Pattern& pattern) {
    return matches(pattern.node, node) && matches(pattern.name, name);
  });
}

bool Permissions::allows(std::string_view principal, Verb verb, std::string_view name,
                         std::string_view node) const {
  if (!secured_) return true;
  const std::string_view account = account_of(principal);
  if (account.empty()) return false;
  const auto found = accounts_.find(account);
  return (found != accounts_.end() && allows(found->second, verb, name, node)) ||
         allows(everybody_, verb, name, node);
}

bool Permissions::allows_somewhere(std::string_view principal, Verb verb,
                                   std::string_view name) const {
  if (!secured_) return true;
  const auto has_grant = [&](const Account& account) {
    const Granted& granted = account[static_cast<std::size_t>(verb)];
    return granted.exact.contains(name) ||
           std::ranges::any_of(granted.patterns,
                               [&](const Pattern& pattern) { return matches(pattern.name, name); });
  };
  const auto found = accounts_.find(account_of(principal));
  return (found != accounts_.end() && has_grant(found->second)) || has_grant(everybody_);
}

bool Permissions::allows_something(std::string_view principal) const {
  if (!secured_) return true;
  const auto has_grant = [](const Account& account) {
    return std::ranges::any_of(account, [](const Granted& granted) {
      return !granted.exact.empty() || !granted.patterns.empty();
    });
  };
  const auto found = accounts_.find(account_of(principal));
  return (found != accounts_.end() && has_grant(found->second)) || has_grant(everybody_);
}

bool Permissions::lets_vouch(std::string_view peer, std::string_view principal) const {
  const auto found = vouches_.find(peer);
  if (!secured_ || found == vouches_.end()) return true;
  const std::string_view account = account_of(principal);
  return std::ranges::any_of(
      found->second, [account](const std::string& pattern) { return matches(pattern, account); });
}

QuotaOptions Permissions::quota_of(std::string_view principal) const {
  const auto found = quotas_.find(account_of(principal));
  return found == quotas_.end() ? QuotaOptions{} : found->second;
}

std::string Permissions::refusal(std::string_view principal, Verb verb, std::string_view name,
                                 std::string_view node) const {
  const std::string who =
      principal.empty() ? "a client without a name" : "client \"" + std::string{principal} + '"';
  const std::string account{account_of(principal)};
  const std::string where =
      name == "*" ? "node " + std::string{node} : std::string{name} + '@' + std::string{node};
  const std::string grant = std::string{to_text(verb)} + ' ' + std::string{name} +
                            (node == own_node_ ? "" : '@' + std::string{node});
  return who + " may not " + to_text(verb) + " at " + where + "; node " + own_node_ +
         " would let it with allow = [\"" + grant + "\"] in the [[client]] table of " +
         (account.empty() ? "a name that it authenticates as" : '"' + account + '"');
}

}  // namespace nemcon::core
