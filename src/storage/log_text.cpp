// One line of text for each input and effect of the log writer, for traces and for tests that fail.
#include <string>

#include "storage/log_writer.hpp"

namespace causeway::storage {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string error_text(const Error& error) {
  return std::string(name_of(error.code)) + " (" + error.detail + ")";
}

struct InputText {
  std::string operator()(const Append& append) const {
    return "append ticket=" + number(append.ticket) + " key=" + number(append.key) +
           " records=" + number(append.records.size()) +
           (append.space == Space::vital ? " vital" : "");
  }
  std::string operator()(const Fetch& fetch) const {
    return "fetch tag=" + number(fetch.tag) + " key=" + number(fetch.key) +
           " bytes_max=" + number(fetch.bytes_max);
  }
  std::string operator()(const Roll&) const { return "roll"; }
  std::string operator()(const DropSegment& drop) const {
    return "drop segment=" + number(drop.number);
  }
};

struct EffectText {
  std::string operator()(const Durable& durable) const {
    return "durable ticket=" + number(durable.ticket);
  }
  std::string operator()(const Refused& refused) const {
    return "refused from ticket=" + number(refused.first_ticket) + ": " + error_text(refused.error);
  }
  std::string operator()(const Fetched& fetched) const {
    return "fetched tag=" + number(fetched.tag) + " records=" + number(fetched.records.size()) +
           (fetched.reached_end ? " end" : "");
  }
  std::string operator()(const SegmentsChanged& changed) const {
    std::string text = "segments";
    for (const SegmentInfo& segment : changed.segments) {
      text += ' ' + number(segment.number) + ':' + number(segment.bytes) + " bytes, keys " +
              number(segment.first_key) + ".." + number(segment.last_key) + ';';
    }
    return text;
  }
  std::string operator()(const Failed& failed) const {
    return "failed: " + error_text(failed.error);
  }
};

}  // namespace

std::string to_text(const LogInput& input) { return std::visit(InputText{}, input); }

std::string to_text(const LogEffect& effect) { return std::visit(EffectText{}, effect); }

}  // namespace causeway::storage
