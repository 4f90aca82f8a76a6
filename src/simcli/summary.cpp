#include "simcli/summary.hpp"

#include <cstdarg>
#include <cstdio>

namespace causeway::simcli {
namespace {

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

__attribute__((format(printf, 1, 2))) std::string print(const char* format, ...) {
  std::va_list values;
  va_start(values, format);
  char text[256];
  std::vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return text;
}

/// 1234567 -> 1,234,567
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}
std::string grouped(double number) { return grouped(static_cast<std::uint64_t>(number + 0.5)); }

/// Equal where the same seeds did the same.
std::string hash_of(const Summary& summary) {
  return print("%016llx", static_cast<unsigned long long>(summary.trace_hash));
}

std::string faults_of(const Summary& summary) {
  std::string struck;
  std::string never;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    const std::string name(sim::name_of(static_cast<sim::FaultKind>(kind)));
    std::string& list = summary.struck[kind] != 0 ? struck : never;
    if (!list.empty()) list += ", ";
    list += name;
    if (summary.struck[kind] != 0) list += " " + grouped(summary.struck[kind]);
  }
  if (struck.empty()) return "none";
  return never.empty() ? struck : struck + "; never: " + never;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += print("\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

void Summary::add(const Outcome& outcome) {
  const sim::Report& report = outcome.report;
  ++seeds;
  run_real += outcome.took;
  run_virtual += report.virtual_time;
  events += report.events;
  operations += report.operations;
  offline_writes += report.offline_writes;
  trace_hash ^= report.trace_hash;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) struck[kind] += report.struck[kind];
}

std::string text_of(const Summary& s) {
  const double virtual_s = seconds(s.run_virtual);
  std::string text = "seeds     " + grouped(s.seeds);
  if (s.seeds == 1) text += " (" + std::to_string(s.first) + ")";
  if (s.seeds > 1) text += " (from " + std::to_string(s.first) + " on)";
  text += ", " + (s.failures.empty() ? "none" : grouped(std::uint64_t{s.failures.size()})) +
          " failed" + (s.stopped ? "; stopped before all had run\n" : "\n");
  text += print("time      %.2f virtual hours in %.1f s, %zu at once: ", virtual_s / 3600,
                seconds(s.real), s.jobs) +
          grouped(ratio(virtual_s, seconds(s.real))) + " times as fast as real time\n";
  text += "one run   " + grouped(ratio(virtual_s, seconds(s.run_real))) +
          " times as fast as real time, " +
          grouped(ratio(static_cast<double>(s.events), seconds(s.run_real))) + " events/s\n";
  text += "load      " + grouped(s.operations) + " operations, " + grouped(s.offline_writes) +
          " offline writes, " + grouped(s.events) + " events, traces " + hash_of(s) + "\n";
  return text + "faults    " + faults_of(s) + "\n";
}

std::string json_of(const Summary& s) {
  const double virtual_s = seconds(s.run_virtual);
  std::string json = "{\"seeds\":" + std::to_string(s.seeds) +
                     ",\"first_seed\":" + json_string(std::to_string(s.first)) +
                     ",\"jobs\":" + std::to_string(s.jobs) +
                     ",\"stopped\":" + (s.stopped ? "true" : "false");
  json += print(",\"real_s\":%.3f,\"virtual_hours\":%.4f,\"speed\":%.1f,\"speed_of_one\":%.1f",
                seconds(s.real), virtual_s / 3600, ratio(virtual_s, seconds(s.real)),
                ratio(virtual_s, seconds(s.run_real)));
  json += ",\"events\":" + std::to_string(s.events);
  json +=
      print(",\"events_per_s\":%.0f", ratio(static_cast<double>(s.events), seconds(s.run_real)));
  json += ",\"operations\":" + std::to_string(s.operations) +
          ",\"offline_writes\":" + std::to_string(s.offline_writes) +
          ",\"trace_hash\":" + json_string(hash_of(s)) + ",\"faults\":{";
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    json += (kind == 0 ? "" : ",") + json_string(sim::name_of(static_cast<sim::FaultKind>(kind))) +
            ":" + std::to_string(s.struck[kind]);
  }
  json += "},\"failures\":[";
  for (std::size_t i = 0; i < s.failures.size(); ++i) {
    const FailedSeed& failed = s.failures[i];
    json += (i == 0 ? "{\"seed\":" : ",{\"seed\":") + json_string(std::to_string(failed.seed)) +
            ",\"invariant\":" + json_string(failed.failure.invariant) +
            ",\"detail\":" + json_string(failed.failure.detail) +
            ",\"command\":" + json_string(failed.command) + "}";
  }
  return json + "]}\n";
}

}  // namespace causeway::simcli
