// causeway::Node: options, directory, past, threads, in this order; and the app's calls on their
// way to the loop thread.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "base/random.hpp"
#include "host/data_directory.hpp"
#include "host/entropy.hpp"
#include "host/node_thread.hpp"
#include "host/settings.hpp"
#include "net/address.hpp"
#include "net/server.hpp"
#include <causeway/node.hpp>

namespace causeway {
namespace {

using std::chrono::milliseconds;

/// As `timeout_ms` travels. A budget below 1 ms has passed before anything can happen, but it is
/// one.
std::uint64_t budget_of(milliseconds timeout) {
  return static_cast<std::uint64_t>(std::clamp<milliseconds::rep>(
      timeout.count(), 0, static_cast<milliseconds::rep>(wire::kTimeoutMsMax)));
}

template <class CallOptions>
std::optional<std::uint64_t> timeout_of(const CallOptions& options) {
  if (options.blocking) return std::nullopt;
  return std::max<std::uint64_t>(budget_of(options.timeout), 1);
}

std::optional<std::uint64_t> timeout_of(std::optional<milliseconds> timeout) {
  if (!timeout) return std::nullopt;
  return budget_of(*timeout);
}

wire::WriteCall write_call(wire::WriteOp op, std::string key, const WriteOptions& options) {
  return {.op = op,
          .key = std::move(key),
          .consistent = options.consistent,
          .timeout_ms = timeout_of(options),
          .in_doubt = options.in_doubt};
}

class HostedNode final : public Node {
 public:
  HostedNode(std::string id, std::unique_ptr<host::NodeThread> thread)
      : id_(std::move(id)),
        listen_(net::to_string(thread->address())),
        thread_(std::move(thread)) {}

  void stop() override { thread_->stop(); }
  const std::string& id() const override { return id_; }
  const std::string& listen() const override { return listen_; }
  Result<void> wait() override { return thread_->wait(); }

  void get(std::string key, ReadOptions options, Callback<Response> done) override {
    call(wire::GetCall{std::move(key), options.consistent, timeout_of(options)}, std::move(done));
  }

  void set(std::string key, std::string value, WriteOptions options,
           Callback<Response> done) override {
    wire::WriteCall write = write_call(wire::WriteOp::set, std::move(key), options);
    write.value = Blob::copy_of(value);
    call(std::move(write), std::move(done));
  }

  void swap(std::string key, std::string new_value, std::optional<std::string> old_value,
            WriteOptions options, Callback<Response> done) override {
    wire::WriteCall write = write_call(wire::WriteOp::swap, std::move(key), options);
    write.value = Blob::copy_of(new_value);
    write.expected = std::move(old_value);
    call(std::move(write), std::move(done));
  }

  void remove(std::string key, WriteOptions options, Callback<Response> done) override {
    call(write_call(wire::WriteOp::remove, std::move(key), options), std::move(done));
  }

  void await(std::string token, std::optional<milliseconds> timeout,
             Callback<AwaitResult> done) override {
    call(wire::AwaitCall{std::move(token), timeout_of(timeout)}, std::move(done));
  }

  void outcome(std::string operation, std::optional<milliseconds> timeout,
               Callback<OutcomeResult> done) override {
    call(wire::OutcomeCall{std::move(operation), timeout_of(timeout)}, std::move(done));
  }

  void pending(std::size_t limit, std::string cursor, Callback<PendingPage> done) override {
    call(wire::PendingCall{limit, std::move(cursor)}, std::move(done));
  }

  void conflicts(std::size_t limit, std::string cursor, Callback<ConflictPage> done) override {
    call(wire::ConflictsCall{limit, std::move(cursor)}, std::move(done));
  }

  void status(Callback<Status> done) override { call(wire::StatusCall{}, std::move(done)); }

 private:
  template <class T>
  void call(wire::Call call, Callback<T> done) {
    thread_->call({std::move(call), std::move(done)});
  }

  std::string id_;
  std::string listen_;
  std::unique_ptr<host::NodeThread> thread_;
};

/// Refuses a first start that does not know who it is, or whose port is not to be had, before
/// anything is made on disk.
Result<void> check_first_start(const NodeOptions& options) {
  if (host::DataDirectory::has_identity(options.data_dir)) return success();
  CAUSEWAY_TRY(identity,
               host::resolve_identity(options, std::nullopt, Origin{1}, host::machine_name()));
  CAUSEWAY_TRY(listen, net::parse_address(identity.listen));
  boost::asio::io_context io;
  CAUSEWAY_TRY(net::Listener::bind(io, listen));
  return success();
}

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  CAUSEWAY_TRY(host::check_options(options));
  CAUSEWAY_TRY(check_first_start(options));
  CAUSEWAY_TRY(directory, host::DataDirectory::open(options.data_dir));
  const Origin fresh{Random(host::entropy()).id()};
  CAUSEWAY_TRY(identity,
               host::resolve_identity(options, directory.identity(), fresh, host::machine_name()));
  CAUSEWAY_TRY(listen, net::parse_address(identity.listen));

  auto thread = std::make_unique<host::NodeThread>(std::move(options), std::move(directory),
                                                   identity, listen);
  CAUSEWAY_TRY(thread->start());
  return std::unique_ptr<Node>(std::make_unique<HostedNode>(identity.name, std::move(thread)));
}

}  // namespace causeway
