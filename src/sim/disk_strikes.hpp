// Faults of a disk that are asked for by counting: "the third write from now".
#pragma once

#include <cstdint>
#include <functional>

#include <causeway/result.hpp>

namespace causeway::sim {

/// What a disk in memory is told to get wrong, once each. `nth` counts from now, 1 is the next one;
/// asking again for the same kind takes the place of the first.
class DiskStrikes {
 public:
  /// The nth write fails with `code` after `part` of its bytes.
  void fail_write(std::uint64_t nth, Errc code, std::size_t part = 0) {
    failing_write_.set(nth);
    write_code_ = code;
    write_part_ = part;
  }
  /// The nth sync of a file fails, and as on Linux its changes count as clean from then on: reads
  /// go on showing them, a later sync does not write them. `seed` draws the part of them that had
  /// reached the disk before; 0: none.
  void fail_sync(std::uint64_t nth, Errc code = Errc::io, std::uint64_t seed = 0) {
    failing_sync_.set(nth);
    sync_code_ = code;
    sync_seed_ = seed;
  }
  void fail_sync_directory(std::uint64_t nth) { failing_sync_directory_.set(nth); }
  void fail_read(std::uint64_t nth) { failing_read_.set(nth); }
  /// At the nth changing operation (write, truncate, reserve, sync, names) the power goes: that one
  /// may or may not have happened, and everything fails from there on until `crash` or `kill`.
  void power_off(std::uint64_t nth) { power_off_.set(nth); }
  /// The nth read returns what stands `distance` bytes further on; the nth write lands there.
  void misdirect_read(std::uint64_t nth, std::uint64_t distance) {
    misdirected_read_.set(nth);
    distance_ = distance;
  }
  void misdirect_write(std::uint64_t nth, std::uint64_t distance) {
    misdirected_write_.set(nth);
    distance_ = distance;
  }
  /// Nothing that was asked for happens any more.
  void disarm() {
    for (Countdown* each : {&power_off_, &failing_write_, &failing_sync_, &failing_sync_directory_,
                            &failing_read_, &misdirected_read_, &misdirected_write_})
      each->set(0);
  }

  enum class Strike : std::uint8_t { write, sync, read, power };
  /// Called when one happens.
  std::function<void(Strike)> on_struck;

 protected:
  class Countdown {
   public:
    void set(std::uint64_t nth) { left_ = nth; }
    /// To be called once per operation. True exactly once, at the nth.
    bool hit() { return left_ != 0 && --left_ == 0; }

   private:
    std::uint64_t left_ = 0;
  };

  // To be called once per operation of its kind. True: it is to fail.
  bool strikes(Countdown& countdown, Strike what) {
    if (!countdown.hit()) return false;
    if (on_struck) on_struck(what);
    return true;
  }

  Countdown power_off_;
  Countdown failing_write_;
  Errc write_code_ = Errc::io;
  std::size_t write_part_ = 0;
  Countdown failing_sync_;
  Errc sync_code_ = Errc::io;
  std::uint64_t sync_seed_ = 0;
  Countdown failing_sync_directory_;
  Countdown failing_read_;
  Countdown misdirected_read_;
  Countdown misdirected_write_;
  std::uint64_t distance_ = 0;
};

}  // namespace causeway::sim
