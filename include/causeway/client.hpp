// A client of nodes elsewhere, over their RPC port.
//
//     auto client = causeway::Client::connect({.servers = {"127.0.0.1:7401", "127.0.0.1:7402"}});
//     auto answer = client.value()->get(
//         "door", {.blocking = false, .timeout = std::chrono::seconds(2)});
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <causeway/store.hpp>

namespace causeway {

struct ClientOptions {
  /// HOST:PORT each; the first that answers is used.
  std::vector<std::string> servers{"127.0.0.1:7400"};
  std::chrono::milliseconds connect_timeout{2000};  ///< for each server
};

/// One connection, any number of calls on it at once. When it is lost, reads and calls that were
/// not sent yet move to the next server; a write that was sent ends in_doubt.
class Client : public Store {
 public:
  /// errors   invalid (an address cannot be parsed), unavailable (no server answered, nothing was
  ///          sent)
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);

  /// The server in use.
  [[nodiscard]] virtual std::string server() const = 0;

  using Store::await;
  using Store::conflicts;
  using Store::get;
  using Store::outcome;
  using Store::pending;
  using Store::remove;
  using Store::set;
  using Store::status;
  using Store::swap;
};

}  // namespace causeway
