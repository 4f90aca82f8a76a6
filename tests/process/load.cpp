#include "load.hpp"

#include <chrono>
#include <map>
#include <random>
#include <utility>

namespace causeway::test {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using std::chrono::milliseconds;

constexpr ReadOptions kRead{.blocking = false, .timeout = milliseconds(3000)};
constexpr WriteOptions kWrite{
    .blocking = false, .timeout = milliseconds(3000), .in_doubt = InDoubt::report};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

// One client's connection: to some server, another one when that is gone.
class Connection {
 public:
  Connection(const LoadOptions& options, std::size_t first) : options_(options), server_(first) {}

  // Null while nobody answers; asks the next server then.
  Client* get() {
    if (client_) return client_.get();
    auto connected = Client::connect(
        {.servers = {options_.servers[server_]}, .connect_timeout = milliseconds(500)});
    if (connected) {
      client_ = std::move(connected).value();
    } else {
      lose();
      std::this_thread::sleep_for(milliseconds(10));
    }
    return client_.get();
  }
  void lose() {
    client_.reset();
    server_ = (server_ + 1) % options_.servers.size();
  }
  [[nodiscard]] std::size_t server() const { return server_; }

 private:
  const LoadOptions& options_;
  std::size_t server_;
  std::unique_ptr<Client> client_;
};

// Errors by which a server or the client says that nothing was done.
bool nothing_done(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::exhausted;
}

struct Judged {
  Outcome outcome = Outcome::unknown;
  bool lost = false;  // the connection is of no use any more
};

Judged judge(const Result<Response>& result, Kind kind, std::vector<std::string>& surprises) {
  if (!result) {
    if (nothing_done(result.error())) return {Outcome::did_not_happen, true};
    surprises.push_back(std::string(name_of(result.error().code)) + ": " + result.error().detail);
    return {Outcome::unknown, true};
  }
  const Response& response = result.value();
  if (response.in_doubt) return {Outcome::unknown, true};
  if (response.timeout) return {Outcome::did_not_happen, false};
  if (kind == Kind::swap && !response.valid) return {Outcome::mismatch, false};
  return {Outcome::done, false};
}

}  // namespace

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

Seen Load::consistent(const LoadOptions& options, std::size_t client, std::uint64_t round,
                      const std::atomic<bool>& stop) {
  Random random(options.seed * 1000 + round * 100 + client);
  Connection connection(options, client % options.servers.size());
  std::map<std::string, std::optional<std::string>> last_seen;
  Seen seen;
  for (std::size_t i = 0; i < options.operations_max && !stop; ++i) {
    std::this_thread::sleep_for(options.pause);
    Client* store = connection.get();
    if (store == nullptr) continue;
    Operation op;
    op.client = static_cast<int>(client);
    op.key = "key" + std::to_string(random.below(options.keys));
    const std::string value =
        std::to_string(round) + "." + std::to_string(client) + "." + std::to_string(i);
    const std::size_t what = random.below(20);
    op.kind = what < 6 ? Kind::get : what < 13 ? Kind::set : what < 19 ? Kind::swap : Kind::remove;
    if (op.kind == Kind::set || op.kind == Kind::swap) op.written = value;
    if (op.kind == Kind::swap) op.expected = last_seen[op.key];

    op.called = now_ns();
    Result<Response> result = Response{};
    switch (op.kind) {
      case Kind::get: result = store->get(op.key, kRead); break;
      case Kind::set: result = store->set(op.key, value, kWrite); break;
      case Kind::swap: result = store->swap(op.key, value, op.expected, kWrite); break;
      case Kind::remove: result = store->remove(op.key, kWrite); break;
    }
    op.answered = now_ns();

    const Judged judged = judge(result, op.kind, seen.surprises);
    op.outcome = judged.outcome;
    Version version;
    if (op.outcome == Outcome::done || op.outcome == Outcome::mismatch) {
      const Response& response = result.value();
      if (response.version) version = *response.version;
      const bool there = op.kind == Kind::get ? response.valid : !response.absent;
      if (there) op.found = response.value;
      op.was_there = response.valid;
      const bool read = op.kind == Kind::get || op.outcome == Outcome::mismatch;
      last_seen[op.key] = read ? op.found : op.written;
    }
    seen.history.push_back(op);
    seen.versions.push_back(version);
    if (judged.lost) connection.lose();
  }
  return seen;
}

Seen Load::offline(const LoadOptions& options, std::size_t client, std::uint64_t round,
                   const std::atomic<bool>& stop) {
  Random random(options.seed * 1000 + round * 100 + client);
  Connection connection(options, client % options.servers.size());
  Seen seen;
  for (std::size_t i = 0; i < options.operations_max && !stop; ++i) {
    std::this_thread::sleep_for(options.pause);
    Client* store = connection.get();
    if (store == nullptr) continue;
    OfflineRecord record;
    record.server = connection.server();
    record.key = "key" + std::to_string(random.below(options.keys));
    if (random.below(10) != 0) {
      record.value = std::to_string(round) + "." + std::to_string(client) + "." + std::to_string(i);
    }
    constexpr WriteOptions kOffline{.consistent = false};
    const Result<Response> result = record.value ? store->set(record.key, *record.value, kOffline)
                                                 : store->remove(record.key, kOffline);
    const Judged judged = judge(result, Kind::set, seen.surprises);
    if (judged.lost) connection.lose();
    if (judged.outcome == Outcome::did_not_happen) continue;
    record.acknowledged = judged.outcome == Outcome::done;
    if (record.acknowledged) {
      record.token = result.value().token;
      if (result.value().version) record.version = *result.value().version;
    }
    seen.offline.push_back(record);
  }
  return seen;
}

Load::Load(LoadOptions options, Work work, std::uint64_t round)
    : options_(std::move(options)), seen_(options_.clients) {
  for (std::size_t client = 0; client < options_.clients; ++client) {
    threads_.emplace_back(
        [this, work, client, round] { seen_[client] = work(options_, client, round, stop_); });
  }
}

std::vector<Seen> Load::finish() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return std::move(seen_);
}

}  // namespace causeway::test
