// nemcon membership: which nodes a mesh has, said by its operator. Works on files, asks no node.
#include <iostream>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/whole_file.hpp"
#include "transport/members_file.hpp"

namespace nemcon::cli {

namespace {

template <class T>
const T& or_refuse(const core::Result<T>& result, const std::string& file = {}) {
  if (result) return *result;
  throw Refusal((file.empty() ? "" : file + ": ") + result.error().detail);
}

std::string read_text(const std::string& file) {
  return or_refuse(read_whole_file(file));
}

}  // namespace

Exit run_membership_keygen(const Globals& globals, const std::string& file) {
  keep_memory_private();
  const std::string key = transport::to_text(or_refuse(transport::make_operator_key_file(file)));
  if (globals.json) {
    std::cout << Json{}.text("file", file).text("operator_key", key).str() << "\n";
  } else {
    std::cout << key << "\n";
  }
  return Exit::done;
}

Exit run_membership_sign(const Globals& globals, const MembershipArguments& arguments) {
  keep_memory_private();
  const core::Result<transport::OperatorSecret> secret =
      transport::read_operator_key_file(arguments.key_file);
  (void)or_refuse(secret);
  const auto result = transport::sign_members(read_text(arguments.file), *secret);
  const transport::SignedText& signed_text = or_refuse(result, arguments.file);
  if (signed_text.is_changed) {
    (void)or_refuse(transport::replace_file(arguments.file, signed_text.text));
  }
  const std::string key = transport::to_text(secret->public_key);
  if (globals.json) {
    std::cout << Json{}
                     .text("file", arguments.file)
                     .number("serial", signed_text.serial)
                     .truth("changed", signed_text.is_changed)
                     .text("operator_key", key)
                     .str()
              << "\n";
  } else {
    std::cout << (signed_text.is_changed ? "signed" : "was signed already") << ", serial "
              << signed_text.serial << ", by " << key << "\n";
  }
  return Exit::done;
}

Exit run_membership_verify(const Globals& globals, const MembershipArguments& arguments) {
  const auto key = transport::parse_operator_key(arguments.operator_key);
  if (!key) {
    throw Misuse("--operator-key " + arguments.operator_key + " is " + key.error().detail);
  }
  const auto result = transport::open_members(read_text(arguments.file), *key);
  const transport::Members& members = or_refuse(result, arguments.file);
  if (globals.json) {
    std::cout << Json{}
                     .text("file", arguments.file)
                     .number("serial", members.serial)
                     .text("digest", members.digest)
                     .str()
              << "\n";
  } else {
    std::cout << "as the operator signed it, serial " << members.serial << ", digest "
              << members.digest << "\n";
  }
  return Exit::done;
}

}  // namespace nemcon::cli
