#include "load.hpp"

#include <chrono>
#include <deque>
#include <iterator>
#include <map>
#include <random>
#include <utility>

namespace causeway::test {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using std::chrono::milliseconds;

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

class LoadClient {
 public:
  LoadClient(const LoadOptions& options, std::size_t number, std::uint64_t round)
      : options_(options),
        number_(number),
        prefix_(std::to_string(round) + "." + std::to_string(number) + "."),
        random_(options.seed * 1000 + round * 100 + number),
        connection_(options, number % options.servers.size()) {}

  Seen run(const std::atomic<bool>& stop) {
    for (std::size_t i = 0; i < options_.operations_max && !stop; ++i) {
      std::this_thread::sleep_for(options_.pause);
      Client* const store = connection_.get();
      if (store == nullptr) continue;
      const std::string key = "key" + std::to_string(random_.below(options_.keys));
      const std::string value = prefix_ + std::to_string(i);
      const std::size_t what = random_.below(100);
      if (what < options_.offline_percent) {
        write_offline(*store, key, value);
      } else if (what < options_.offline_percent + options_.local_percent) {
        read_locally(*store, key);
      } else {
        consistent(*store, key, value);
      }
      if (options_.asks_for_verdicts) ask_for_verdicts();
    }
    return std::move(seen_);
  }

 private:
  void consistent(Client& store, const std::string& key, const std::string& value) {
    Operation op;
    op.client = static_cast<int>(number_);
    op.key = key;
    const std::size_t what = random_.below(20);
    op.kind = what < 6 ? Kind::get : what < 13 ? Kind::set : what < 19 ? Kind::swap : Kind::remove;
    if (op.kind == Kind::set || op.kind == Kind::swap) op.written = value;
    if (op.kind == Kind::swap) op.expected = last_seen_[key];
    const WriteOptions write = write_options();
    const ReadOptions read{.blocking = write.blocking, .timeout = write.timeout};
    const std::size_t server = connection_.server();

    op.called = now_ns();
    Result<Response> result = Response{};
    switch (op.kind) {
      case Kind::get: result = store.get(key, read); break;
      case Kind::set: result = store.set(key, value, write); break;
      case Kind::swap: result = store.swap(key, value, op.expected, write); break;
      case Kind::remove: result = store.remove(key, write); break;
    }
    op.answered = now_ns();

    const Judged judged = judge(result, op.kind, seen_.surprises);
    op.outcome = judged.outcome;
    Version version;
    if (op.outcome == Outcome::done || op.outcome == Outcome::mismatch) {
      const Response& response = result.value();
      if (response.version) version = *response.version;
      const bool there = op.kind == Kind::get ? response.valid : !response.absent;
      if (there) op.found = response.value;
      op.was_there = response.valid;
      const bool read_it = op.kind == Kind::get || op.outcome == Outcome::mismatch;
      last_seen_[key] = read_it ? op.found : op.written;
    }
    if (result && !result.value().operation.empty()) {
      seen_.doubts.push_back({server, seen_.history.size(), result.value().operation});
    }
    seen_.history.push_back(op);
    seen_.versions.push_back(version);
    if (judged.lost) connection_.lose();
  }

  WriteOptions write_options() {
    if (!options_.varied_budgets) return kWrite;
    WriteOptions result = kWrite;
    constexpr std::size_t budgets_ms[] = {10, 50, 200, 1000, 3000};
    result.timeout = milliseconds(budgets_ms[random_.below(std::size(budgets_ms))]);
    const std::size_t how = random_.below(10);
    result.blocking = how == 0;
    if (how == 1) result.in_doubt = InDoubt::wait;
    return result;
  }

  void write_offline(Client& store, const std::string& key, const std::string& value) {
    constexpr WriteOptions kOffline{.consistent = false};
    OfflineRecord record{.server = connection_.server(), .key = key};
    if (random_.below(10) != 0) record.value = value;
    record.called = now_ns();
    const Result<Response> result =
        record.value ? store.set(key, value, kOffline) : store.remove(key, kOffline);
    const Judged judged = judge(result, Kind::set, seen_.surprises);
    if (judged.lost) connection_.lose();
    if (judged.outcome == Outcome::did_not_happen) return;
    record.acknowledged = judged.outcome == Outcome::done;
    if (record.acknowledged) {
      record.token = result.value().token;
      if (result.value().version) record.version = *result.value().version;
      unsettled_[record.server].push_back(seen_.offline.size());
    }
    seen_.offline.push_back(record);
  }

  void read_locally(Client& store, const std::string& key) {
    LocalRecord record{.server = connection_.server(), .key = key, .called = now_ns()};
    const Result<Response> result = store.get(key, {.consistent = false});
    record.answered = now_ns();
    // A node that never held anything cannot say "absent".
    if (!result && result.error().code == Errc::no_data) return;
    const Judged judged = judge(result, Kind::get, seen_.surprises);
    if (judged.lost) connection_.lose();
    if (judged.outcome != Outcome::done) return;
    if (result.value().valid) record.value = result.value().value;
    if (result.value().version) record.revision = result.value().version->revision;
    seen_.local.push_back(record);
  }

  // Asks the server in use, about the oldest first; the last one gets a moment to settle.
  void ask_for_verdicts() {
    std::deque<std::size_t>& places = unsettled_[connection_.server()];
    while (!places.empty()) {
      Client* const store = connection_.get();
      if (store == nullptr) return;
      OfflineRecord& record = seen_.offline[places.front()];
      const auto verdict = store->await(record.token, milliseconds(places.size() == 1 ? 20 : 0));
      if (!verdict) return connection_.lose();
      if (verdict.value().state == AwaitResult::State::pending) return;
      record.verdict = verdict.value();
      record.settled_by = now_ns();
      places.pop_front();
    }
  }

  const LoadOptions& options_;
  const std::size_t number_;
  const std::string prefix_;  // of its values
  Random random_;
  Connection connection_;
  std::map<std::string, std::optional<std::string>> last_seen_;
  std::map<std::size_t, std::deque<std::size_t>>
      unsettled_;  // of each server: places in Seen::offline
  Seen seen_;
};

}  // namespace

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

Load::Load(LoadOptions options, std::uint64_t round)
    : options_(std::move(options)), seen_(options_.clients) {
  for (std::size_t client = 0; client < options_.clients; ++client) {
    threads_.emplace_back([this, client, round] {
      seen_[client] = LoadClient(options_, client, round).run(stop_);
      ++ended_;
    });
  }
}

std::vector<Seen> Load::finish() {
  stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return std::move(seen_);
}

}  // namespace causeway::test
