#include "net/server.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "net/attempt.hpp"
#include "net/complaints.hpp"
#include "net/session.hpp"

namespace causeway::net {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
constexpr std::size_t kUndecidedMax =
    64;  // connections beyond the limits that may still be told so
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr std::chrono::seconds kClientKeepaliveIdle{15};

std::string text_of(const tcp::endpoint& endpoint) {
  return to_string(Address{endpoint.address().to_string(), endpoint.port()});
}

std::string remote_of(const Socket& socket) {
  error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  return error ? "a client that has gone" : text_of(endpoint);
}

Address address_of(const Acceptor& acceptor) {
  error_code error;
  const tcp::endpoint endpoint = acceptor.local_endpoint(error);
  if (error) return {};
  return {endpoint.address().to_string(), endpoint.port()};
}

Error cannot_listen(const Address& address, const error_code& error) {
  const bool in_use = error == asio::error::address_in_use;
  return {Errc::io, "cannot listen on " + to_string(address) + ": " + error.message() +
                        (in_use ? "; is another node running there? Choose another port"
                                : "; choose an address of this machine")};
}

}  // namespace

struct Server::State final : SessionHost, std::enable_shared_from_this<Server::State> {
  State(asio::io_context& context, ServerOptions given, ServerHandler& owner)
      : io(context),
        settings(given),
        handler_(&owner),
        shared_stock(std::make_shared<ChannelStock>(context)),
        acceptor(context),
        accept_timer(context),
        sweep_timer(context) {}

  // What sessions ask.
  const ServerOptions& options() const override { return settings; }
  const ChannelStock& stock() const override { return *shared_stock; }
  ServerHandler& handler() override { return *handler_; }
  bool admit_connection() override {
    return connections < settings.connections_max && ++connections;
  }
  bool admit_link() override { return links < settings.links_max && ++links; }
  void watch(Session& session) override;
  void complain(std::string text) override {
    if (handler_ != nullptr) complaints.say(std::move(text), *handler_);
  }
  void on_session_over(Session& session) override;

  void accept();
  void on_accept(const error_code& error, Socket socket);
  void make_room();
  void schedule_sweep();
  void sweep();
  void close_all();
  void finish_if_done();
  Session* find(std::uint64_t id);

  asio::io_context& io;
  const ServerOptions settings;
  ServerHandler* handler_;  // null: it hears nothing more
  std::shared_ptr<ChannelStock> shared_stock;
  Acceptor acceptor;
  Timer accept_timer;
  Timer sweep_timer;
  Complaints complaints;
  std::unordered_map<std::uint64_t, std::shared_ptr<Session>> sessions;
  std::vector<std::shared_ptr<Session>> to_flush;
  std::uint64_t next_id = 1;
  std::size_t connections = 0;
  std::size_t links = 0;
  bool sweep_scheduled = false;
  std::function<void()> finished;  // set: finishing
};

// ---- accepting

void Server::State::accept() {
  acceptor.async_accept(io, [self = shared_from_this()](const error_code& error, Socket socket) {
    if (self->acceptor.is_open()) self->on_accept(error, std::move(socket));
  });
}

void Server::State::on_accept(const error_code& error, Socket socket) {
  const bool out_of_something = error == asio::error::no_descriptors ||
                                error == asio::error::no_buffer_space ||
                                error == asio::error::no_memory || error.value() == ENFILE;
  if (out_of_something) {
    // The connection still waits in the kernel's queue, so accepting again at once would fail at
    // once.
    complain("cannot accept connections: " + error.message() + "; trying again");
    accept_timer.expires_after(kAcceptPause);
    accept_timer.async_wait([self = shared_from_this()](const error_code& cancelled) {
      if (!cancelled && self->acceptor.is_open()) self->accept();
    });
    return;
  }
  if (!error) {
    make_room();
    Channel::set_up(socket, kClientKeepaliveIdle);
    const std::uint64_t id = next_id++;
    std::string remote = remote_of(socket);
    const auto session =
        std::make_shared<Session>(*this, shared_stock, id, std::move(socket), std::move(remote));
    sessions.emplace(id, session);
    session->start();
  }
  accept();
}

/// Clients and links that were admitted have limits of their own, so a full house always holds
/// connections that were not: silent ones, and refused ones that do not leave. The oldest of them
/// goes, so that neither keeps a new client or a peer out.
void Server::State::make_room() {
  if (sessions.size() < settings.connections_max + settings.links_max + kUndecidedMax) return;
  std::shared_ptr<Session> oldest;
  for (const auto& [id, session] : sessions) {
    if (oldest != nullptr && oldest->id() < id) continue;
    if (session->kind() == Session::Kind::refused ||
        (session->kind() == Session::Kind::unknown && session->channel().input_is_empty())) {
      oldest = session;
    }
  }
  if (oldest != nullptr) oldest->fail("too many are open, and it was not served yet");
}

// ---- deadlines

void Server::State::watch(Session& session) {
  static_cast<void>(session);
  schedule_sweep();
}

/// One timer looks through all sessions, and only while one of them has a deadline: exact enough
/// for closing the slow, and free for the others.
void Server::State::schedule_sweep() {
  if (sweep_scheduled) return;
  sweep_scheduled = true;
  const Duration shortest = std::min({settings.handshake_timeout, settings.frame_timeout,
                                      settings.write_timeout, settings.linger_timeout});
  sweep_timer.expires_after(
      std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(1), std::chrono::seconds(1)));
  sweep_timer.async_wait([self = shared_from_this()](const error_code& cancelled) {
    self->sweep_scheduled = false;
    if (!cancelled && self->handler_ != nullptr) self->sweep();
  });
}

void Server::State::sweep() {
  const Clock::time_point now = Clock::now();
  std::vector<std::shared_ptr<Session>> due;  // expiring changes the map
  bool more = false;
  for (const auto& [id, session] : sessions) {
    const Clock::time_point deadline = session->deadline();
    if (deadline <= now) due.push_back(session);
    more = more || deadline != Clock::time_point::max();
  }
  for (const auto& session : due) session->expire();
  if (more) schedule_sweep();
}

// ---- ending

void Server::State::on_session_over(Session& session) {
  const auto found = sessions.find(session.id());
  if (found == sessions.end()) return;
  std::shared_ptr<Session> gone = std::move(found->second);
  sessions.erase(found);
  if (gone->kind() == Session::Kind::rpc) --connections;
  if (gone->kind() == Session::Kind::link) --links;
  // From the event loop: the owner may have caused it, and stands in the middle of something. The
  // session itself has to live until it has returned, too.
  asio::post(io, [self = shared_from_this(), gone = std::move(gone)] {
    if (self->handler_ != nullptr && gone->known() && !self->finished) {
      if (gone->kind() == Session::Kind::rpc) self->handler_->on_connection_closed(gone->id());
      if (gone->kind() == Session::Kind::link) self->handler_->on_link_closed(gone->id());
    }
    self->finish_if_done();
  });
}

void Server::State::close_all() {
  error_code ignored;
  acceptor.close(ignored);
  accept_timer.cancel();
  sweep_timer.cancel();
  for (const auto& [id, session] : sessions) session->channel().close();
  sessions.clear();
  to_flush.clear();
}

void Server::State::finish_if_done() {
  if (!finished || !sessions.empty()) return;
  const auto done = std::exchange(finished, nullptr);
  handler_ = nullptr;
  close_all();
  done();
}

Session* Server::State::find(std::uint64_t id) {
  const auto found = sessions.find(id);
  return found == sessions.end() ? nullptr : found->second.get();
}

// ---- the port

struct Listener::State {
  Acceptor acceptor;
};

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}
Listener::~Listener() = default;
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;

Result<Listener> Listener::bind(asio::io_context& io, const Address& address) {
  error_code error;
  tcp::resolver resolver(io);
  const auto resolved =
      resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  if (error || resolved.empty()) {
    return Error{Errc::invalid, "cannot listen on " + to_string(address) +
                                    ": the host is not known here (" + error.message() + ")"};
  }
  // A name such as localhost has both kinds of addresses, and most of those who dial try this one.
  const auto v4 = std::find_if(resolved.begin(), resolved.end(), [](const auto& entry) {
    return entry.endpoint().address().is_v4();
  });
  const tcp::endpoint endpoint = (v4 != resolved.end() ? v4 : resolved.begin())->endpoint();
  Acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (error) return cannot_listen(address, error);
  return Listener(std::make_unique<State>(State{std::move(acceptor)}));
}

Address Listener::address() const { return address_of(state_->acceptor); }

// ---- the face

Server::Server(asio::io_context& io, ServerOptions options, ServerHandler& handler)
    : state_(std::make_shared<State>(io, options, handler)) {}

Server::~Server() {
  state_->handler_ = nullptr;
  state_->finished = nullptr;
  state_->close_all();
}

Result<void> Server::listen(const Address& address) {
  CAUSEWAY_TRY(listener, Listener::bind(state_->io, address));
  return listen(std::move(listener));
}

Result<void> Server::listen(Listener listener) {
  error_code error;
  Acceptor& acceptor = listener.state_->acceptor;
  acceptor.listen(SOMAXCONN, error);
  if (error) return cannot_listen(listener.address(), error);
  state_->acceptor = std::move(acceptor);
  state_->accept();
  return success();
}

Address Server::local_address() const { return address_of(state_->acceptor); }

void Server::answer(ConnectionId connection, CallId call, const wire::Reply& reply) {
  const auto found = state_->sessions.find(connection);
  if (found == state_->sessions.end()) return;
  Session& session = *found->second;
  session.answer(call, reply);
  if (session.marked_for_flush) return;
  session.marked_for_flush = true;
  state_->to_flush.push_back(found->second);
}

void Server::answer_link(LinkId link, const wire::HelloReply& reply) {
  const auto found = state_->sessions.find(link);
  if (found == state_->sessions.end()) return;
  found->second->answer_link(reply);
  state_->to_flush.push_back(found->second);
}

void Server::drop_link(LinkId link, const std::string& reason) {
  Session* session = state_->find(link);
  if (session != nullptr && session->kind() == Session::Kind::link) session->fail(reason);
}

void Server::flush() {
  for (const auto& session : state_->to_flush) {
    session->marked_for_flush = false;
    session->flush();
  }
  state_->to_flush.clear();
}

void Server::finish(std::function<void()> done) {
  flush();
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->accept_timer.cancel();
  state_->finished = std::move(done);
  std::vector<std::shared_ptr<Session>> open;
  for (const auto& [id, session] : state_->sessions) open.push_back(session);
  for (const auto& session : open) session->finish();
  asio::post(state_->io, [state = state_] { state->finish_if_done(); });
}

std::size_t Server::connection_count() const { return state_->connections; }

}  // namespace causeway::net
