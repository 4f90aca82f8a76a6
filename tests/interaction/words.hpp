// How the narration names things: nodes for origins, short dots and operations, values cut to a
// readable length.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "consensus/message.hpp"
#include "crdt/version.hpp"
#include "kv/command.hpp"
#include "wire/rpc.hpp"
#include <causeway/store.hpp>

namespace causeway::testing {

/// Random ids differ with every seed and say nothing; a node's name does. A node's second origin is
/// written 3'.
class Words {
 public:
  void origin(Origin origin, const std::string& node);
  [[nodiscard]] std::string name(Origin origin) const;
  /// `3:17`
  [[nodiscard]] std::string dot(Dot dot) const;
  /// The token that a script's `3:17` stands for.
  [[nodiscard]] std::string token(const std::string& text) const;
  /// `o1`, `o2`, ... in the order in which they were first heard of; and back.
  [[nodiscard]] std::string operation(const std::string& id);
  [[nodiscard]] std::string operation_id(const std::string& text) const;

  /// With names in place of the origins in it.
  [[nodiscard]] std::string plain(std::string text) const;
  [[nodiscard]] std::string write(const crdt::OfflineWrite& write) const;
  /// What an entry's or a forwarded proposal's payload asks for.
  [[nodiscard]] std::string command(const Blob& payload) const;
  [[nodiscard]] std::string reply(const wire::Reply& reply);

 private:
  [[nodiscard]] std::string response(const Response& response);
  [[nodiscard]] std::string await_result(const AwaitResult& result) const;
  [[nodiscard]] std::string status(const Status& status) const;
  [[nodiscard]] std::string side(const ConflictItem::Side& side) const;

  std::map<Origin, std::string> names_;
  std::vector<std::string> operations_;
};

[[nodiscard]] std::string value_text(std::string_view value);
/// `door=open`, or `door deleted`
[[nodiscard]] std::string written(std::string_view key, std::string_view value, bool deleted);
/// In the seconds of the narration; far off: in years.
[[nodiscard]] std::string stamp_text(Stamp stamp);
/// `forward`, `append`, ...: the word by which `lose` names a message.
[[nodiscard]] std::string kind_of(const consensus::Message& message);

}  // namespace causeway::testing
