// Composer: turns what a client asks for into a descriptor, from this node's view of the mesh.
// Pure but for the view. Rules P-2 to P-4.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/context.hpp"
#include "core/request.hpp"

namespace nemcon::core {

struct Composed {
  DescriptorPtr descriptor;
  Digest digest;
  std::vector<std::vector<Content>> contents;  // By branch: of its delivers and calls, in order.
};

// It cannot be done as asked. `retryable`: nothing was written, it may work later.
struct NotComposed {
  Reason reason = Reason::none;
  std::string text;
  bool retryable = false;
};

// Where a part goes.
struct Route {
  NodeId node;
  std::string name;
  bool mesh = false;  // A `mesh` queue.
};

class Composer {
 public:
  explicit Composer(Context& context) : context_(context) {}

  // Sizes and counts. Nullopt when they are within the limits.
  [[nodiscard]] std::optional<NotComposed> check_limits(const Submit& submit) const;

  [[nodiscard]] std::variant<Route, NotComposed> find_route(const Part& part) const;

  // Rule P-41: and whether this principal may.
  [[nodiscard]] std::variant<Route, NotComposed> route(const Part& part,
                                                       const std::string& principal) const;

  [[nodiscard]] std::variant<Composed, NotComposed> compose(const Submit& submit,
                                                            const std::string& principal);

 private:
  struct Draft {
    Descriptor descriptor;
    std::vector<std::vector<Content>> contents;
  };

  [[nodiscard]] std::optional<NotComposed> add_parts(const Submit& submit, Draft& draft);
  [[nodiscard]] std::uint8_t index_of(Draft& draft, const NodeId& node) const;
  [[nodiscard]] std::optional<NotComposed> add_witnesses(Draft& draft);
  [[nodiscard]] std::vector<NodeId> spare_nodes(const Descriptor& descriptor,
                                                std::size_t count) const;
  [[nodiscard]] Incarnation incarnation_of(const NodeId& node) const;
  static void drop_unused_nodes(Descriptor& descriptor);

  Context& context_;
};

}  // namespace nemcon::core
