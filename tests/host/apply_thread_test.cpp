// The apply thread and a loop that is slow, or takes nothing at all: values wait in bounds.
#include "host/apply_thread.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include "sim/map_table.hpp"

using namespace causeway;
using host::ApplyThread;

namespace {

constexpr std::uint64_t kGets = 64;
const std::string kMegabyte(1 << 20, 'v');

// A table with one value of a megabyte, its apply thread, and this test in the loop's place.
class SlowLoop {
 public:
  SlowLoop() {
    auto applier = kv::Applier::open(table_, Origin{1});
    REQUIRE(applier.has_value());
    std::vector<kv::Output> none;
    const crdt::OfflineWrite write{
        .dot = {Origin{1}, {1}}, .key = "k", .value = Blob::copy_of(kMegabyte)};
    applier.value()->step({kv::PutPending{write}}, none);
    thread = std::make_unique<ApplyThread>(std::move(applier).value(), inbox_);
    thread->start();
  }

  void ask(std::uint64_t gets) {
    thread->queue().give([&](host::ApplyWork& work) {
      for (std::uint64_t id = 0; id < gets; ++id) {
        work.inputs.emplace_back(kv::Get{.id = id, .key = "k", .local = true});
      }
    });
  }
  void wait_for_mail() { io_.run_one(); }
  void take_what_is_there() { io_.poll(); }

  std::vector<kv::Output> outputs;
  std::size_t untaken_bytes = 0;
  std::unique_ptr<ApplyThread> thread;

 private:
  void take_mail() {
    host::LoopMail mail;
    inbox_.take(mail);
    untaken_bytes += mail.applier_bytes;
    host::hand_over(mail.applier, outputs);
  }

  sim::MapTable table_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_{
      io_.get_executor()};
  host::LoopInbox inbox_{io_, [this] { take_mail(); }};
};

}  // namespace

TEST_CASE("values wait for a slow loop within a bound, and all arrive in order") {
  SlowLoop loop;
  loop.ask(kGets);
  while (loop.outputs.size() < kGets) {
    loop.wait_for_mail();
    REQUIRE(loop.untaken_bytes <= ApplyThread::kUntakenBytesMax);
    // As late as can be: not before the thread holds back, or has nothing more.
    if (loop.untaken_bytes == ApplyThread::kUntakenBytesMax)
      loop.thread->taken(std::exchange(loop.untaken_bytes, 0));
  }
  for (std::uint64_t id = 0; id < kGets; ++id) {
    const auto& got = std::get<kv::GetResult>(loop.outputs[id]);
    CHECK(got.id == id);
    const bool same = got.value == kMegabyte;  // too long to print
    CHECK(same);
  }
}

TEST_CASE("an apply thread that waits for the loop can be stopped, and says nothing more") {
  SlowLoop loop;
  loop.ask(kGets);
  while (loop.untaken_bytes < ApplyThread::kUntakenBytesMax) loop.wait_for_mail();
  loop.thread->stop();
  loop.take_what_is_there();
  CHECK(loop.untaken_bytes == ApplyThread::kUntakenBytesMax);
}
