#include "host/driver.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/check.hpp"
#include "base/random.hpp"
#include "host/entropy.hpp"
#include "host/system_clocks.hpp"
#include "net/address.hpp"

namespace causeway::host {
namespace {

/// For handing leadership over and settling the calls that wait; then the node ends as it is.
constexpr std::chrono::seconds kStopTimeMax{5};

Log::Level level_of(net::LogLevel level) {
  switch (level) {
    case net::LogLevel::debug: return Log::Level::debug;
    case net::LogLevel::info: return Log::Level::info;
    case net::LogLevel::warn: return Log::Level::warn;
    case net::LogLevel::error: return Log::Level::error;
  }
  return Log::Level::error;
}

node::Loop make_loop(const node::Options& options, Past& past) {
  return node::Loop(options, std::move(past.recovered), past.applier->position(),
                    past.applier->greatest_stamp(), Random(entropy()), system_now());
}

}  // namespace

Driver::Driver(boost::asio::io_context& io, LoopInbox& inbox, Log& log, DataDirectory& directory,
               Past past, const node::Options& options, std::function<void()> ready)
    : io_(io),
      inbox_(inbox),
      log_(log),
      ready_(std::move(ready)),
      reserve_(std::move(past.reserve)),
      table_(std::move(past.table)),
      log_disk_(std::move(past.log_disk)),
      journal_disk_(std::move(past.journal_disk)),
      mark_(std::move(past.mark)),
      log_thread_(std::make_unique<LogThread>(storage::LogWriter(std::move(past.raft_log)),
                                              storage::LogWriter(std::move(past.journal)),
                                              directory, inbox)),
      loop_(make_loop(options, past)) {
  apply_thread_ = std::make_unique<ApplyThread>(std::move(past.applier), inbox);
  const wire::CallLimits calls{.key_bytes_max = options.limits.key_bytes_max,
                               .value_bytes_max = options.limits.value_bytes_max};
  net::ServerHandler& serving = *this;
  net::PeerHandler& dialling = *this;
  server_ = std::make_unique<net::Server>(io_, net::ServerOptions{.calls = calls}, serving);
  dialer_ =
      std::make_unique<net::PeerDialer>(io_, net::DialerOptions{}, dialling, Random(entropy()));
}

Driver::~Driver() { close_net(); }

Result<net::Address> Driver::listen(net::Listener listener) {
  CAUSEWAY_TRY(server_->listen(std::move(listener)));
  return server_->local_address();
}

Result<Driver::End> Driver::run() {
  log_thread_->start();
  apply_thread_->start();
  // The first turn: what the loop has to do before anything happens, and its first deadline.
  open_turn();
  io_.restart();  // an earlier life has stopped it
  io_.run();

  close_net();
  log_thread_->stop();
  apply_thread_->stop();
  local_calls_.abandon();
  if (error_) return *error_;  // nothing more is written: the log has it all
  CAUSEWAY_TRY(close_files());
  return restart_ ? End::restart : End::stopped;
}

void Driver::dial_peers() {
  for (const auto& [peer, text] : loop_.peers_to_dial()) {
    const Result<net::Address> address = net::parse_address(text);
    CAUSEWAY_CHECK(address.has_value());  // checked with the options
    dialer_->add(peer, address.value());
  }
}

void Driver::take_mail() {
  if (finishing_) return;  // stays in the inbox, for whoever comes after this life
  inbox_.take(mail_);
  for (Error& error : mail_.failures) fail(std::move(error));
  for (auto& effect : mail_.raft_log) step(node::RaftLogReport{std::move(effect)});
  for (auto& effect : mail_.journal) step(node::JournalReport{std::move(effect)});
  for (auto& output : mail_.applier) step(node::ApplierReport{std::move(output)});
  untaken_bytes_ += mail_.applier_bytes;
  if (mail_.identity_written) step(node::IdentityWritten{});
  for (auto& call : mail_.calls) {
    const bool writes = std::holds_alternative<wire::WriteCall>(call.call);
    const std::uint64_t number = local_calls_.add(std::move(call.done), writes);
    step(node::CallArrived{{kLocalConnection, number}, std::move(call.call)});
  }
  if (mail_.stop_asked) ask_to_stop();
  mail_.clear();
}

void Driver::step(node::Input input) {
  if (finishing_) return;
  open_turn();
  loop_.step(now_, std::move(input), effects_);
}

void Driver::open_turn() {
  if (turn_open_) return;
  turn_open_ = true;
  now_ = system_now();
  // Behind everything that is ready by now: those handlers join this turn.
  boost::asio::post(io_, [this] { end_turn(); });
}

void Driver::end_turn() {
  turn_open_ = false;
  if (finishing_) return;
  loop_.flush(system_now(), effects_);
  // Taken out first: a callback of the app may bring the next call, into the next turn.
  node::Effects effects = std::exchange(effects_, {});
  carry_out(effects);
  // Only now are the answers in the outputs of the connections, which have bounds of their own.
  apply_thread_->taken(std::exchange(untaken_bytes_, 0));
  arm_timer();
}

void Driver::carry_out(node::Effects& effects) {
  // First of all: no message and no answer leaves before the mark that it rests on.
  if (effects.mark) {
    if (const Result<void> written = mark_.write(*effects.mark); !written)
      return fail(written.error());
  }
  if (!effects.raft_log.empty() || !effects.journal.empty() || effects.new_origin) {
    log_thread_->queue().give([&](LogWork& work) {
      hand_over(effects.raft_log, work.raft_log);
      hand_over(effects.journal, work.journal);
      if (effects.new_origin) work.new_origin = effects.new_origin;
    });
  }
  if (!effects.applier.empty()) {
    apply_thread_->queue().give([&](ApplyWork& work) { hand_over(effects.applier, work.inputs); });
  }
  for (const node::LogLine& line : effects.log) log_.write(line.level, line.text);
  send(effects);
  if (effects.ready) {
    dial_peers();  // not before: until then the loop turns away whoever it meets
    ready_();
  }
  if (effects.failed) return fail(*effects.failed);
  restart_ = restart_ || effects.restart;
  if (effects.stopped || effects.restart) finish();
}

void Driver::send(node::Effects& effects) {
  for (const auto& [peer, hello] : effects.hellos) dialer_->send_hello(peer, hello);
  for (const auto& [link, reply] : effects.link_answers) server_->answer_link(link, reply);
  for (const auto& [peer, message] : effects.messages) dialer_->send(peer, message);
  dialer_->flush();
  for (const auto& [peer, reason] : effects.drop_peers) dialer_->drop(peer, reason);
  for (const auto& [link, reason] : effects.drop_links) server_->drop_link(link, reason);
  bool to_clients = !effects.link_answers.empty();
  for (auto& [handle, reply] : effects.answers) {
    if (handle.connection == kLocalConnection) {
      local_calls_.answer(handle.call, std::move(reply));
    } else {
      server_->answer(handle.connection, handle.call, reply);
      to_clients = true;
    }
  }
  if (to_clients) server_->flush();
}

void Driver::arm_timer() {
  // Deadlines mostly move away (each heartbeat moves the election's). So an armed timer is left
  // alone unless the new deadline is earlier, and asks again when it fires: two system calls less
  // in each turn.
  const Instant due = loop_.next_deadline();
  if (finishing_ || due >= armed_) return;
  armed_ = due;
  timer_.expires_at(std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(due.since_start)));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) timer_fired();
  });
}

void Driver::timer_fired() {
  armed_ = Instant::never();
  if (loop_.next_deadline() <= system_now().mono) {
    step(node::Tick{});
  } else {
    arm_timer();
  }
}

// ---- The end.

void Driver::ask_to_stop() {
  if (std::exchange(stop_asked_, true)) return;
  step(node::StopAsked{});
  stop_timer_.expires_after(kStopTimeMax);
  stop_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || finishing_) return;
    log_.write(Log::Level::warn, "stopping without having settled all that was under way");
    finish();
  });
}

void Driver::fail(Error error) {
  if (finishing_) return;
  log_.write(Log::Level::error, error.detail);
  error_ = std::move(error);
  finish();
}

void Driver::finish() {
  if (std::exchange(finishing_, true)) return;
  timer_.cancel();
  stop_timer_.cancel();
  // What was answered still reaches the callers, if they take it soon.
  server_->finish([this] { io_.stop(); });
}

void Driver::close_net() {
  finishing_ = true;
  server_.reset();
  dialer_.reset();
  timer_.cancel();
  stop_timer_.cancel();
  // What is posted names this object: it runs now, and finds that the end has come.
  io_.restart();
  io_.poll();
}

Result<void> Driver::close_files() {
  apply_thread_.reset();  // holds the applier, which stands on the table
  return table_->flush_and_close();
}

// ---- What the network says.

void Driver::on_call(net::ConnectionId connection, net::CallId call, wire::Call request) {
  step(node::CallArrived{{connection, call}, std::move(request)});
}

void Driver::on_connection_closed(net::ConnectionId connection) {
  step(node::ConnectionClosed{connection});
}

void Driver::on_link_hello(net::LinkId link, wire::Hello hello) {
  step(node::LinkHello{link, std::move(hello)});
}

void Driver::on_link_message(net::LinkId link, consensus::Message message) {
  step(node::LinkMessage{link, std::move(message)});
}

void Driver::on_link_closed(net::LinkId link) { step(node::LinkLost{link}); }

void Driver::on_peer_dialled(net::PeerId peer) { step(node::PeerDialled{peer}); }

void Driver::on_peer_greeted(net::PeerId peer, wire::HelloReply reply) {
  step(node::PeerGreeted{peer, std::move(reply)});
}

void Driver::on_peer_lost(net::PeerId peer) { step(node::PeerLost{peer}); }

void Driver::on_log(net::LogLevel level, std::string text) { log_.write(level_of(level), text); }

}  // namespace causeway::host
