#include "client/connection.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace causeway::client {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kRoundPause{50};
constexpr std::chrono::seconds kKeepaliveIdle{10};
constexpr milliseconds kSilenceMax{15'000};
constexpr std::uint32_t kProofId = 0;
// Of an answer. A page of pending writes may be large, and a server that we chose is no stranger.
constexpr wire::FrameLimits kAnswerLimits{.bytes_max = 64u << 20, .elements_max = 1u << 22};

Error closed() { return {Errc::unavailable, "the client was closed; nothing was done"}; }

}  // namespace

Connection::Connection(boost::asio::io_context& io, std::vector<net::Address> servers,
                       Duration connect_timeout)
    : io_(io),
      servers_(std::move(servers)),
      connect_timeout_(connect_timeout),
      stock_(std::make_shared<net::ChannelStock>(io)),
      scanner_(kAnswerLimits),
      pause_timer_(io),
      due_timer_(io) {
  CAUSEWAY_CHECK(!servers_.empty());
}

Connection::~Connection() { CAUSEWAY_CHECK(state_ == State::closed); }

// ---- finding a server

void Connection::reach(std::function<void(Result<void>)> done) {
  CAUSEWAY_CHECK(state_ == State::idle);
  reached_ = std::move(done);
  give_up_at_ = Clock::now();
  start_round();
}

void Connection::start_round() {
  state_ = State::reaching;
  tried_ = 0;
  reasons_.clear();
  ++rounds_;
  try_next();
}

void Connection::try_next() {
  if (tried_ == servers_.size()) return round_failed();
  if (tried_++ != 0) current_ = (current_ + 1) % servers_.size();
  attempt_ = net::Attempt::start(io_, servers_[current_], rounds_ - 1, connect_timeout_,
                                 [this](Result<net::Socket> connected) {
                                   if (!connected) return attempt_failed(connected.error().detail);
                                   on_connected(std::move(connected).value());
                                 });
}

void Connection::on_connected(net::Socket socket) {
  net::Channel::set_up(socket, kKeepaliveIdle);
  net::Channel::set_silence_max(socket, kSilenceMax);
  state_ = State::proving;
  scanner_.reset();
  channel_ = std::make_shared<net::Channel>(stock_, std::move(socket), *this);
  queued_ = 0;
  channel_->write([this](std::string& out) {
    wire::encode_request(kProofId, wire::StatusCall{}, out);
    queued_ = out.size();
  });
  channel_->flush();
  channel_->start();
  pause_timer_.expires_after(connect_timeout_);
  pause_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && state_ == State::proving) attempt_failed("it did not answer in time");
  });
}

void Connection::on_proof(std::string_view frame) {
  const auto decoded = wire::decode_reply(frame, wire::CallKind::status);
  if (!decoded) return attempt_failed("it is no Causeway node (" + decoded.error().detail + ")");
  // A node that says more than that it has no place for us is one to talk to, whatever it says.
  const auto* refusal = std::get_if<wire::CallError>(&decoded.value().reply);
  if (refusal != nullptr && refusal->error.code == Errc::exhausted) {
    return attempt_failed(refusal->error.detail);
  }
  pause_timer_.cancel();
  state_ = State::ready;
  if (on_server) on_server(server());
  finish_reaching(success());
  for (auto& [msgid, call] : calls_) send(msgid, call);
  flush();
}

void Connection::attempt_failed(const std::string& reason) {
  if (!reasons_.empty()) reasons_ += "; ";
  reasons_ += server() + ": " + reason;
  pause_timer_.cancel();
  if (channel_ != nullptr) channel_->close();
  channel_ = nullptr;
  state_ = State::reaching;
  try_next();
}

void Connection::round_failed() {
  const Error error{Errc::unavailable, "no server reached (" + reasons_ + ")"};
  current_ = (current_ + 1) % servers_.size();
  if (Clock::now() >= give_up_at_) {
    state_ = State::idle;
    finish_reaching(error);
    return end_all(error);
  }
  pause_timer_.expires_after(kRoundPause);
  pause_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && state_ == State::reaching) start_round();
  });
}

void Connection::finish_reaching(Result<void> result) {
  if (const auto done = std::exchange(reached_, nullptr)) done(std::move(result));
}

void Connection::on_lost(std::string reason) {
  if (state_ == State::proving) return attempt_failed(reason);
  if (state_ != State::ready) return;
  lose();
}

void Connection::lose() {
  channel_->close();
  state_ = State::idle;
  if (on_server) on_server({});
  unsend();
  channel_ = nullptr;
  current_ = (current_ + 1) % servers_.size();
  if (!calls_.empty()) reach_again();
}

void Connection::reach_again() {
  // A server that is being restarted comes back within a moment.
  give_up_at_ = Clock::now() + connect_timeout_;
  start_round();
}

// ---- calls

void Connection::call(OpenCall call) {
  if (state_ == State::closed) return call.done(closed());
  const auto budget = budget_of(call.request);
  if (budget && *budget != milliseconds(0)) call.deadline = Clock::now() + *budget;
  do {
    ++last_msgid_;
  } while (last_msgid_ == kProofId || calls_.contains(last_msgid_));
  const std::uint32_t msgid = last_msgid_;
  OpenCall& kept = calls_.emplace(msgid, std::move(call)).first->second;
  if (state_ == State::ready) return send(msgid, kept);
  set_due(msgid, kept, kept.deadline);
  if (state_ == State::idle) reach_again();
}

void Connection::send(std::uint32_t msgid, OpenCall& call) {
  const auto now = Clock::now();
  if (call.deadline != Clock::time_point::max()) {
    set_budget(call.request, std::chrono::duration_cast<milliseconds>(call.deadline - now));
  }
  channel_->write([&](std::string& out) {
    const std::size_t before = out.size();
    wire::encode_request(msgid, call.request, out);
    queued_ += out.size() - before;
    call.end_offset = queued_;
  });
  set_due(msgid, call, answer_due(call, now));
}

void Connection::flush() {
  if (channel_ != nullptr) channel_->flush();
}

std::size_t Connection::on_bytes(std::string_view bytes) {
  std::size_t used = 0;
  const auto channel = channel_;
  while (channel->open()) {
    const auto scan = scanner_.scan(bytes.substr(used));
    if (scan.state == wire::FrameScanner::State::need_more) break;
    if (scan.state == wire::FrameScanner::State::failed) {
      channel->close();
      on_lost("it is no Causeway node (" + scan.error.detail + ")");
      break;
    }
    scanner_.reset();
    const std::string_view frame = bytes.substr(used, scan.size);
    used += scan.size;
    if (state_ == State::proving) {
      on_proof(frame);
    } else {
      on_answer(frame);
    }
  }
  return used;
}

void Connection::on_answer(std::string_view frame) {
  const auto msgid = wire::peek_msgid(frame);
  // Without an id it is about the whole connection: the server is about to close it.
  if (!msgid) return lose();
  const auto found = calls_.find(*msgid);
  if (found == calls_.end()) return;
  auto decoded = wire::decode_reply(frame, wire::kind_of(found->second.request));
  if (!decoded) return lose();
  wire::Reply& reply = decoded.value().reply;
  if (auto* error = std::get_if<wire::CallError>(&reply)) {
    return end_call(*msgid, std::move(error->error));
  }
  end_call(*msgid, std::get<wire::Answer>(std::move(reply)));
}

void Connection::end_call(std::uint32_t msgid, Result<wire::Answer> answer) {
  const auto found = calls_.find(msgid);
  due_.erase({found->second.due, msgid});
  const auto done = std::move(found->second.done);
  calls_.erase(found);
  done(std::move(answer));
}

bool Connection::was_sent(const OpenCall& call) const {
  return call.end_offset != 0 && channel_ != nullptr && call.end_offset <= channel_->written();
}

void Connection::unsend() {
  std::vector<std::uint32_t> doubtful;
  for (auto& [msgid, call] : calls_) {
    if (is_write(call.request) && was_sent(call)) {
      doubtful.push_back(msgid);
    } else {
      call.end_offset = 0;
      set_due(msgid, call, call.deadline);
    }
  }
  for (const std::uint32_t msgid : doubtful) end_call(msgid, in_doubt());
}

void Connection::end_all(const Error& error) {
  while (!calls_.empty()) end_call(calls_.begin()->first, error);
}

void Connection::close() {
  if (attempt_ != nullptr) attempt_->cancel();
  if (channel_ != nullptr) channel_->close();
  unsend();
  channel_ = nullptr;
  state_ = State::closed;
  finish_reaching(closed());
  end_all(closed());
  pause_timer_.cancel();
  due_timer_.cancel();
}

// ---- time

void Connection::set_due(std::uint32_t msgid, OpenCall& call, Clock::time_point due) {
  if (call.due == due) return;
  if (call.due != Clock::time_point::max()) due_.erase({call.due, msgid});
  call.due = due;
  if (due == Clock::time_point::max()) return;
  const auto placed = due_.emplace(due, msgid).first;
  if (placed == due_.begin()) set_timer();
}

void Connection::set_timer() {
  if (due_.empty()) return;
  due_timer_.expires_at(due_.begin()->first);
  due_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && state_ != State::closed) on_timer();
  });
}

/// A server that leaves a call without its answer for so long does not work, whatever else it does.
void Connection::on_timer() {
  const auto now = Clock::now();
  bool silent = false;
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::uint32_t msgid = due_.begin()->second;
    const OpenCall& call = calls_.at(msgid);
    silent = silent || call.end_offset != 0;
    if (is_write(call.request) && was_sent(call)) {
      end_call(msgid, in_doubt());
    } else {
      end_call(msgid, timed_out(call.request, server()));
    }
  }
  // Also so that no call that was just said to have timed out still leaves.
  if (silent && state_ == State::ready) lose();
  set_timer();
}

}  // namespace causeway::client
