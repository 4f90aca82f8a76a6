// The simulated network's connections, held against what src/net and TCP do: who learns of a break,
// by what, and when; handshakes that fail; and how much waits for a node that stands still.
#include "sim/network.hpp"

#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Two nodes that say Hello and answer it, and what each of them was told since it was last asked.
class Wires {
 public:
  explicit Wires(std::size_t nodes = 2)
      : network_(time, random_, 1, nodes,
                 {.listens = [this](Peer peer) { return !dead.contains(peer); },
                  .reads = [this](Peer peer) { return !still.contains(peer); },
                  .awake = [this](Peer peer) { return !dark.contains(peer); },
                  .give = [this](Peer peer, node::Input input) { take(peer, std::move(input)); }}) {
    for (Peer peer = 0; peer < nodes; ++peer) network_.joined(peer);
    network_.on_message = [this](Peer, Peer, Network::Fate fate, const consensus::Message*) {
      fates.insert(fate);
    };
  }

  /// Both connections stand.
  void connect() {
    run(milliseconds(300));
    REQUIRE(said() == "0 dialled 1; 0 greeted 1; 1 dialled 0; 1 greeted 0; ");
  }
  void run(Duration duration) { time.run_until(time.now() + duration); }
  /// Each kind of event once for each node, in the order of the words.
  std::string said() {
    std::string all;
    for (const std::string& each : told_) all += each + "; ";
    told_.clear();
    return all;
  }
  /// From 0 to 1; the term tells them apart.
  void send(std::uint64_t term, std::size_t bytes = 10) {
    consensus::Forward message{.term = {term}, .incarnation = {7}};
    message.items.push_back({.payload = Blob::copy_of(std::string(bytes, 'x'))});
    network_.send(0, 1, message);
  }
  void stand_still(Peer peer) {
    still.insert(peer);
    network_.stood_still(peer);
  }
  void sleep(Peer peer) {
    dark.insert(peer);
    stand_still(peer);
  }
  void go_on(Peer peer) {
    still.erase(peer);
    dark.erase(peer);
    network_.went_on(peer);
  }
  void lose_power(Peer peer) {
    dark.insert(peer);
    dead.insert(peer);
    network_.vanished(peer);
  }
  void boot(Peer peer) { dark.erase(peer); }
  void start(Peer peer) {
    dead.erase(peer);
    network_.joined(peer);
  }
  void silence(bool on) {
    network_.line(0, 1).lost = on ? 1000 : 0;
    network_.lines_changed();
  }
  Network& network() { return network_; }

  Schedule time;
  std::set<Peer> dead;
  std::set<Peer> still;
  std::set<Peer> dark;
  bool answers = true;
  std::vector<std::uint64_t> terms;  ///< of what 1 was given
  std::set<Network::Fate> fates;

 private:
  void take(Peer peer, node::Input input) {
    if (const auto* message = std::get_if<node::LinkMessage>(&input))
      return terms.push_back(std::get<consensus::Forward>(message->message).term.value);
    if (const auto* dialled = std::get_if<node::PeerDialled>(&input)) {
      tell(peer, "dialled", dialled->peer);
      network_.hello(peer, dialled->peer, {.name = "x", .incarnation = {7}});
    } else if (const auto* greeted = std::get_if<node::PeerGreeted>(&input)) {
      tell(peer, "greeted", greeted->peer);
    } else if (const auto* lost = std::get_if<node::PeerLost>(&input)) {
      tell(peer, "lost", lost->peer);
    } else if (const auto* hello = std::get_if<node::LinkHello>(&input)) {
      if (answers) network_.link_answer(hello->link, {.accepted = true, .hello = {.name = "y"}});
    } else if (const auto* ended = std::get_if<node::LinkLost>(&input)) {
      tell(peer, "let go of", dialler_of(ended->link));
    }
  }
  void tell(Peer peer, const char* what, Peer other) {
    told_.insert(std::to_string(peer) + " " + what + " " + std::to_string(other));
  }

  Random random_{1};
  Network network_;
  std::set<std::string> told_;
};

using Fate = Network::Fate;

}  // namespace

TEST_CASE("where packets pass, both ends hear at once that a process is gone") {
  Wires wires;
  wires.connect();
  wires.dead.insert(1);
  wires.network().left(1);
  CHECK(wires.said() == "0 let go of 1; 0 lost 1; 1 let go of 0; 1 lost 0; ");
}

TEST_CASE("a machine without power tells nobody: each end learns by its own time-out") {
  Wires wires;
  wires.connect();
  wires.lose_power(1);
  CHECK_FALSE(wires.network().sound(0, 1));
  wires.run(milliseconds(4900));
  CHECK(wires.said() == "");
  wires.run(milliseconds(200));
  CHECK(wires.said() == "0 lost 1; ");
  wires.run(milliseconds(18'800));
  CHECK(wires.said() == "");
  wires.run(milliseconds(200));
  CHECK(wires.said() == "0 let go of 1; ");
}

TEST_CASE("a machine that is back answers packets of its old connections with a reset") {
  Wires wires;
  wires.connect();
  wires.lose_power(1);
  wires.run(seconds(1));
  wires.boot(1);
  wires.run(seconds(1));
  CHECK(wires.said() == "");
  SUBCASE("to the next message") {
    wires.send(1);
    wires.run(milliseconds(10));
    CHECK(wires.said() == "0 lost 1; ");
    CHECK(wires.terms.empty());
  }
  SUBCASE("to a probe of an idle connection") {
    wires.run(milliseconds(2100));
    CHECK(wires.said() == "0 lost 1; ");
    wires.run(seconds(11));
    CHECK(wires.said() == "0 let go of 1; ");
  }
}

TEST_CASE("a peer dials anew while the other end of its old connection still stands") {
  Wires wires;
  wires.connect();
  REQUIRE(wires.network().forget(0, 1, false));
  CHECK_FALSE(wires.network().forget(0, 1, false));
  CHECK_FALSE(wires.network().sound(0, 1));
  wires.send(1);
  wires.run(milliseconds(5010));
  CHECK(wires.said() == "0 lost 1; ");
  CHECK(wires.fates.contains(Fate::silent));
  wires.run(milliseconds(300));
  CHECK(wires.said() == "0 dialled 1; 0 greeted 1; ");
  wires.send(2);
  wires.run(seconds(18));
  CHECK(wires.said() == "");
  CHECK(wires.terms == std::vector<std::uint64_t>{2});
  CHECK_FALSE(wires.network().settled());
  wires.run(seconds(1));
  CHECK(wires.said() == "1 let go of 0; ");
  CHECK(wires.network().settled());
}

TEST_CASE("what forgot a connection may say so to the next packet") {
  Wires wires;
  wires.connect();
  REQUIRE(wires.network().forget(0, 1, true));
  wires.run(seconds(1));
  CHECK(wires.said() == "");
  wires.send(1);
  wires.run(milliseconds(3));
  CHECK(wires.said() == "0 lost 1; ");
}

TEST_CASE("a silence ends a connection only when it lasts") {
  Wires wires;
  wires.connect();
  wires.silence(true);
  wires.run(milliseconds(4500));
  wires.silence(false);
  wires.run(seconds(30));
  CHECK(wires.said() == "");
  wires.silence(true);
  wires.run(milliseconds(4500));
  wires.silence(false);  // for a moment: counted anew from there
  wires.silence(true);
  wires.run(milliseconds(4900));
  CHECK(wires.said() == "");
  wires.run(milliseconds(200));
  CHECK(wires.said() == "0 lost 1; 1 lost 0; ");  // whose answers do not come through
  wires.run(seconds(20));
  CHECK(wires.said() == "0 let go of 1; 1 let go of 0; ");
  CHECK(wires.fates.contains(Fate::unanswered));
  wires.silence(false);
  wires.run(seconds(4));
  CHECK(wires.said() == "0 dialled 1; 0 greeted 1; 1 dialled 0; 1 greeted 0; ");
}

TEST_CASE("a process that stands still reads later what its kernel took, in its order") {
  Wires wires;
  wires.connect();
  wires.stand_still(1);
  for (std::uint64_t term = 1; term <= 3; ++term) wires.send(term);
  wires.run(seconds(60));
  CHECK(wires.terms.empty());
  wires.go_on(1);
  CHECK(wires.terms == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(wires.network().queued(0, 1) == 0);
  CHECK(wires.said() == "");
}

TEST_CASE("whose window stays closed for as long as a silence may last is given up") {
  Wires wires;
  wires.connect();
  wires.network().limits.receive_bytes = 1000;
  wires.stand_still(1);
  for (std::uint64_t term = 1; term <= 5; ++term) wires.send(term, 400);
  wires.run(milliseconds(4900));
  SUBCASE("it reads in time") {
    wires.go_on(1);
    wires.run(seconds(10));
    CHECK(wires.said() == "");
    CHECK(wires.terms.size() == 5);
  }
  SUBCASE("it does not") {
    wires.run(milliseconds(200));
    CHECK(wires.network().queued(0, 1) == 0);
    CHECK(wires.fates.contains(Fate::overflowed));
    CHECK(wires.said() == "0 lost 1; 1 let go of 0; ");
    CHECK(wires.terms == std::vector<std::uint64_t>{1, 2});  // what its kernel had taken
  }
}

TEST_CASE("a connection for which too much waits is dropped at once, and holds nothing") {
  Wires wires;
  wires.connect();
  wires.network().limits.output_bytes_max = 10'000;
  wires.stand_still(1);
  std::size_t most = 0;
  for (std::uint64_t term = 1; term <= 50; ++term) {
    wires.send(term, 400);
    most = std::max(most, wires.network().queued(0, 1));
  }
  CHECK(most <= 10'000);
  CHECK(wires.fates.contains(Fate::overflowed));
  CHECK(wires.network().queued(0, 1) == 0);
  wires.run(seconds(1));
  wires.go_on(1);
  wires.run(seconds(1));
  CHECK(wires.terms.empty());  // it was all on its way
  CHECK(wires.said() == "0 dialled 1; 0 greeted 1; 0 lost 1; 1 let go of 0; ");
}

TEST_CASE("a machine that sleeps takes nothing: what comes of it depends on how long") {
  Wires wires;
  wires.connect();
  wires.sleep(1);
  wires.send(1);
  SUBCASE("briefly: it is sent again") {
    wires.run(seconds(4));
    wires.go_on(1);
    CHECK(wires.terms == std::vector<std::uint64_t>{1});
    wires.run(seconds(60));
    CHECK(wires.said() == "");
  }
  SUBCASE("long: those awake have given it up, and it learns when it is awake") {
    wires.run(milliseconds(5100));
    CHECK(wires.said() == "0 lost 1; ");
    wires.run(seconds(20));
    CHECK(wires.said() == "0 let go of 1; ");
    wires.go_on(1);
    wires.run(seconds(5));
    CHECK(wires.said() ==
          "0 dialled 1; 0 greeted 1; 1 dialled 0; 1 greeted 0; 1 let go of 0; "
          "1 lost 0; ");
    CHECK(wires.terms.empty());
  }
}

TEST_CASE("who is dialled and stands still says nothing; who dialled waits ten seconds") {
  Wires wires;
  wires.connect();
  wires.stand_still(1);
  wires.network().lose(0, 1);
  CHECK(wires.said() == "0 lost 1; 1 let go of 0; ");
  SUBCASE("it goes on") {
    wires.run(seconds(9));
    CHECK(wires.said() == "");
    wires.go_on(1);
    CHECK(wires.said() == "0 dialled 1; ");
  }
  SUBCASE("it goes on later, in another attempt") {
    wires.run(seconds(25));
    wires.go_on(1);
    wires.run(seconds(1));
    CHECK(wires.said() == "0 dialled 1; 0 greeted 1; ");
  }
}

TEST_CASE("a process that stands still dials nobody") {
  Wires wires;
  wires.connect();
  wires.stand_still(0);
  wires.network().lose(0, 1);
  CHECK(wires.said() == "0 lost 1; 1 let go of 0; ");
  wires.run(seconds(60));
  CHECK(wires.said() == "");
  wires.go_on(0);
  wires.run(milliseconds(10));
  CHECK(wires.said() == "0 dialled 1; 0 greeted 1; ");
}

TEST_CASE("a Hello without an answer ends the connection after ten seconds") {
  Wires wires;
  wires.answers = false;
  wires.run(milliseconds(9990));
  CHECK(wires.said() == "0 dialled 1; 1 dialled 0; ");
  CHECK(wires.network().sound(0, 1));  // nobody's fault but the node's
  wires.run(milliseconds(20));
  CHECK(wires.said() == "0 let go of 1; 0 lost 1; 1 let go of 0; 1 lost 0; ");
}

TEST_CASE("a second Hello on a connection ends it, as in net") {
  Wires wires;
  wires.answers = false;
  wires.run(milliseconds(300));
  CHECK(wires.said() == "0 dialled 1; 1 dialled 0; ");
  wires.network().hello(0, 1, {.name = "x", .incarnation = {8}});
  wires.run(milliseconds(2));
  CHECK(wires.said() == "0 lost 1; 1 let go of 0; ");
}

TEST_CASE("each step of a handshake may fail, and the line is not sound until one went through") {
  std::set<Fate> fates;
  for (int round = 0; round < 200; ++round) {
    Wires wires;
    wires.connect();
    wires.network().line(0, 1).handshakes = wires.network().line(1, 0).handshakes = 1000;
    for (int seed = 0; seed < round; ++seed) wires.network().lose(0, 1), wires.run(milliseconds(9));
    wires.network().lose(0, 1);
    wires.run(seconds(20));
    CHECK_FALSE(wires.network().sound(0, 1));
    wires.network().line(0, 1).handshakes = wires.network().line(1, 0).handshakes = 0;
    wires.run(seconds(20));
    CHECK(wires.network().sound(0, 1));
    wires.send(1);
    wires.run(milliseconds(10));
    CHECK(wires.terms.size() == 1);
    fates.insert(wires.fates.begin(), wires.fates.end());
  }
  for (const Fate fate : {Fate::unanswered, Fate::hello_lost, Fate::hello_damaged, Fate::hello_late,
                          Fate::timed_out}) {
    CAPTURE(static_cast<int>(fate));
    CHECK(fates.contains(fate));
  }
}

TEST_CASE("whoever asks is told when a connection becomes sound, or is it no more") {
  Wires wires;
  wires.connect();
  int changes = 0;
  wires.network().on_soundness = [&] { ++changes; };
  REQUIRE(wires.network().forget(0, 1, false));
  CHECK(changes == 1);
  wires.run(seconds(7));
  CHECK(changes == 2);
  CHECK(wires.network().sound(0, 1));
}

TEST_CASE("pauses between attempts double up to a second") {
  Wires wires;
  wires.connect();
  wires.dead.insert(1);
  wires.network().left(1);
  const std::uint64_t before = wires.time.events();
  wires.run(seconds(60));
  const std::uint64_t attempts = wires.time.events() - before;
  CHECK(attempts > 60);
  CHECK(attempts < 130);
}
