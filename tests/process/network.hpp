// A network of the test's own: one namespace for each host, one for the clients, and a hub between
// them.
//
//     clients (host 0) --+
//     host 1 ------------+-- hub: a bridge, whose nft rules drop what goes from one host to another
//     host 2, 3 ... -----+
//
// The namespaces have no names: open files hold them, so whatever ends the test, kill -9 too, the
// kernel takes them away with all links and rules. Nothing of the machine's own network is touched.
//
// The thread that makes a network is in the clients' namespace until the network ends, and so are
// the threads that it starts meanwhile. Needs root.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "process.hpp"

namespace causeway::test {

class Network {
 public:
  /// 0: the clients; hosts are numbered from 1.
  using Host = std::size_t;
  static constexpr Host kClients = 0;

  /// One direction: what `from` sends does not reach `to`.
  struct Cut {
    Host from = 0;
    Host to = 0;
    friend bool operator==(const Cut&, const Cut&) = default;
  };

  /// May this user make one?
  [[nodiscard]] static bool possible();

  /// Throws where a program that it needs is missing.
  explicit Network(std::size_t hosts);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] std::size_t size() const { return spaces_.size() - 1; }
  [[nodiscard]] static std::string ip(Host host) { return "10.99.0." + std::to_string(100 + host); }
  /// For Launch::network_namespace.
  [[nodiscard]] int space(Host host) const { return spaces_.at(host).file(); }

  /// Packets vanish without a word. Takes the place of what was cut before; none: all is whole.
  void cut(const std::vector<Cut>& cuts);
  /// How many packets have vanished so far.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  class Space {
   public:
    explicit Space(int file) : file_(file) {}
    Space(Space&& other) noexcept;
    ~Space();
    [[nodiscard]] int file() const { return file_; }

   private:
    int file_;
  };

  // Where this thread was before, and goes at the end.
  class WayBack {
   public:
    WayBack() : outside_(current_space()) {}
    ~WayBack();

   private:
    Space outside_;
  };

  static Space current_space();
  static Space new_space();

  WayBack way_back_;
  Space hub_;
  std::vector<Space> spaces_;  // the clients', then the hosts'
};

}  // namespace causeway::test
