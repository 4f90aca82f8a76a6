// Store over a connection to nodes elsewhere: the thread, and calls on their way to it.
//
// Callers' threads only put their call into a list; the first one wakes the client's thread, and it
// takes all that are there by then. So calls made close together leave in one write, without
// anybody waiting for more.
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/check.hpp"
#include "client/connection.hpp"
#include <causeway/client.hpp>

namespace causeway {
namespace {

namespace asio = boost::asio;
using client::Connection;
using client::OpenCall;
using std::chrono::milliseconds;

/// What a node takes in one message, without what stands around keys and values there.
constexpr std::size_t kRequestBytesMax = wire::FrameLimits{}.bytes_max - 4096;

std::optional<std::uint64_t> timeout_ms_of(std::optional<milliseconds> timeout) {
  if (!timeout) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, timeout->count()));
}

template <class Options>
std::optional<std::uint64_t> timeout_ms_of(const Options& options) {
  if (options.blocking) return std::nullopt;
  return timeout_ms_of(std::optional(options.timeout));
}

class RemoteStore final : public Client {
 public:
  RemoteStore(std::vector<net::Address> servers, milliseconds connect_timeout)
      : connection_(io_, std::move(servers), connect_timeout), work_(io_.get_executor()) {
    connection_.on_server = [this](const std::string& server) {
      const std::lock_guard lock(mutex_);
      server_ = server;
    };
    thread_ = std::thread([this] { io_.run(); });
  }

  ~RemoteStore() override {
    CAUSEWAY_CHECK(std::this_thread::get_id() != thread_.get_id());  // not from a callback
    asio::post(io_, [this] {
      take_calls();
      connection_.close();
      work_.reset();
    });
    thread_.join();
  }

  Result<void> reach() {
    std::promise<Result<void>> reached;
    auto result = reached.get_future();
    asio::post(io_, [this, &reached] {
      connection_.reach([&reached](Result<void> answer) { reached.set_value(std::move(answer)); });
    });
    return result.get();
  }

  std::string server() const override {
    const std::lock_guard lock(mutex_);
    return server_;
  }

  void get(std::string key, ReadOptions options, Callback<Response> done) override {
    submit(wire::GetCall{.key = std::move(key),
                         .consistent = options.consistent,
                         .timeout_ms = timeout_ms_of(options)},
           std::move(done));
  }
  void set(std::string key, std::string value, WriteOptions options,
           Callback<Response> done) override {
    write(wire::WriteOp::set, std::move(key), value, std::nullopt, options, std::move(done));
  }
  void swap(std::string key, std::string new_value, std::optional<std::string> old_value,
            WriteOptions options, Callback<Response> done) override {
    write(wire::WriteOp::swap, std::move(key), new_value, std::move(old_value), options,
          std::move(done));
  }
  void remove(std::string key, WriteOptions options, Callback<Response> done) override {
    write(wire::WriteOp::remove, std::move(key), {}, std::nullopt, options, std::move(done));
  }
  void await(std::string token, std::optional<milliseconds> timeout,
             Callback<AwaitResult> done) override {
    submit(wire::AwaitCall{.token = std::move(token), .timeout_ms = timeout_ms_of(timeout)},
           std::move(done));
  }
  void outcome(std::string operation, std::optional<milliseconds> timeout,
               Callback<OutcomeResult> done) override {
    submit(
        wire::OutcomeCall{.operation = std::move(operation), .timeout_ms = timeout_ms_of(timeout)},
        std::move(done));
  }
  void pending(std::size_t limit, std::string cursor, Callback<PendingPage> done) override {
    submit(wire::PendingCall{.limit = limit, .cursor = std::move(cursor)}, std::move(done));
  }
  void conflicts(std::size_t limit, std::string cursor, Callback<ConflictPage> done) override {
    submit(wire::ConflictsCall{.limit = limit, .cursor = std::move(cursor)}, std::move(done));
  }
  void status(Callback<Status> done) override { submit(wire::StatusCall{}, std::move(done)); }

 private:
  void write(wire::WriteOp op, std::string key, std::string_view value,
             std::optional<std::string> expected, const WriteOptions& options,
             Callback<Response> done) {
    submit(wire::WriteCall{.op = op,
                           .key = std::move(key),
                           .value = Blob::copy_of(value),
                           .expected = std::move(expected),
                           .consistent = options.consistent,
                           .timeout_ms = timeout_ms_of(options),
                           .in_doubt = options.in_doubt},
           std::move(done));
  }

  template <class T>
  void submit(wire::Call request, Callback<T> done) {
    OpenCall call{.request = std::move(request), .done = [done = std::move(done)](auto answer) {
                    if (!answer) return done(std::move(answer).error());
                    done(std::get<T>(std::move(answer).value()));
                  }};
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(call));
    if (inbox_.size() == 1) asio::post(io_, [this] { take_calls(); });
  }

  void take_calls() {
    {
      const std::lock_guard lock(mutex_);
      taken_.swap(inbox_);
    }
    for (OpenCall& call : taken_) {
      if (auto refused = refuse(call.request)) {
        call.done(std::move(*refused));
      } else {
        connection_.call(std::move(call));
      }
    }
    taken_.clear();
    connection_.flush();
  }

  /// What no server would take, and what would cost the others on this connection theirs.
  static std::optional<Error> refuse(const wire::Call& request) {
    const auto* write = std::get_if<wire::WriteCall>(&request);
    const auto* get = std::get_if<wire::GetCall>(&request);
    const auto& budget = client::budget_of(request);
    if ((write != nullptr || get != nullptr) && budget && budget->count() < 1) {
      return Error{Errc::invalid, "timeout: at least 1 ms, or blocking"};
    }
    std::size_t bytes = get == nullptr ? 0 : get->key.size();
    if (write != nullptr) {
      bytes =
          write->key.size() + write->value.size() + (write->expected ? write->expected->size() : 0);
    }
    if (bytes > kRequestBytesMax) {
      return Error{Errc::too_large, "key and values have " + std::to_string(bytes) +
                                        " bytes; a node takes values of up to 1 MiB"};
    }
    return std::nullopt;
  }

  asio::io_context io_{1};
  Connection connection_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  mutable std::mutex mutex_;  // guards server_ and inbox_
  std::string server_;
  std::vector<OpenCall> inbox_;  // not empty: take_calls is on its way
  std::vector<OpenCall> taken_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  if (options.servers.empty()) return Error{Errc::invalid, "no server is named; write HOST:PORT"};
  if (options.connect_timeout < milliseconds(1)) {
    return Error{Errc::invalid, "connect_timeout: at least 1 ms"};
  }
  std::vector<net::Address> servers;
  for (const std::string& text : options.servers) {
    CAUSEWAY_TRY(address, net::parse_address(text));
    if (address.port == 0)
      return Error{Errc::invalid, "address \"" + text + "\": port 0 names nobody"};
    servers.push_back(std::move(address));
  }
  auto store = std::make_unique<RemoteStore>(std::move(servers), options.connect_timeout);
  CAUSEWAY_TRY(store->reach());
  return Result<std::unique_ptr<Client>>(std::move(store));
}

}  // namespace causeway
