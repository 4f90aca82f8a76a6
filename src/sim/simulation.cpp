#include "sim/simulation.hpp"

#include <algorithm>
#include <memory>

#include "sim/audience.hpp"
#include "sim/availability.hpp"
#include "sim/bound_checks.hpp"
#include "sim/clock_checks.hpp"
#include "sim/cluster.hpp"
#include "sim/faults.hpp"
#include "sim/forward_check.hpp"
#include "sim/office_check.hpp"
#include "sim/raft_checks.hpp"
#include "sim/rest.hpp"
#include "sim/settle_model.hpp"
#include "sim/violation.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLook = milliseconds(100);
constexpr Duration kConnectionsEnd = seconds(30);

/// Calls are refused, and those that wait for a majority must leave room for local ones.
void leave_few_places(node::Limits& limits, Random& random) {
  limits.waiting_calls_max = 1 + random.below(3);
  limits.calls_max = limits.waiting_calls_max + 1 + random.below(2);
}

/// Each single write fits, where it is no huge one.
void leave_few_bytes(node::Limits& limits, Random& random) {
  limits.waiting_bytes_max = 17 + random.below(6);
  limits.offline_bytes_max = 10 + random.below(3);
}

ClusterSettings settings_of(const Plan& plan) {
  Random random(plan.seed ^ 0x73657474696e6773);
  ClusterSettings settings{.seed = plan.seed, .nodes = plan.nodes};
  settings.raft_segment_bytes = 256u << 10;  // a run is to see several
  if (random.below(4) == 0) {
    settings.election_timeout = milliseconds(300);
    settings.heartbeat_interval = milliseconds(50);
  }
  // Nodes far apart, and all as far: what one does the others hear of long after they did the same.
  if (random.below(4) == 0) {
    settings.delay_min = settings.election_timeout / 20;
    settings.delay_max = settings.delay_min + milliseconds(1);
  }
  if (random.below(2) == 0) {
    settings.raft_segment_bytes = 24u << 10;
    settings.raft_vital_bytes = 8u << 10;
    settings.journal_segment_bytes = 16u << 10;
  }
  settings.journal_bytes_max = journal_bytes_max(plan);
  if (random.below(2) == 0) {  // many steps to apply all
    settings.limits.apply_bytes_max = 4000;
    settings.limits.apply_entries_max = 10;
  }
  if (plan.level(FaultKind::huge_values) != 0) {
    settings.raft_segment_bytes = 4u << 20;
    settings.journal_segment_bytes = 4u << 20;
  }
  if (random.below(4) == 0) settings.limits.questions_max = 1 + random.below(3);
  const std::uint64_t scarce = random.below(8);
  const bool all_fit =
      plan.level(FaultKind::huge_values) == 0 && plan.level(FaultKind::full_journal) == 0;
  if (scarce == 0) leave_few_places(settings.limits, random);
  if (scarce == 1 && all_fit) leave_few_bytes(settings.limits, random);
  return settings;
}

class Run {
 public:
  Run(const Plan& plan, Trace& trace, const Bounds& bounds)
      : plan_(plan),
        bounds_(bounds),
        settings_(settings_of(plan)),
        audience_(trace, raft_checks_, clock_checks_, settle_model_, workload_, availability_,
                  office_check_, forward_check_, bound_checks_),
        cluster_(settings_),
        faults_(cluster_, plan, audience_),
        workload_(cluster_, faults_, plan, bounds.history_max),
        availability_(cluster_, faults_, workload_, plan.nodes, settings_.election_timeout),
        office_check_(cluster_, settings_.election_timeout),
        rest_(cluster_, workload_, [this](Duration time) { advance(time); }) {
    trace.follow(cluster_.time());
    cluster_.observe(audience_);
  }

  void run() {
    faults_.begin();
    for (const Cluster::Name& name : cluster_.names()) {
      if (cluster_.node(name).running()) continue;
      if (const auto started = cluster_.try_start(name); !started)
        throw Violation("starts-again", "node " + name + ": " + started.error().detail);
    }
    workload_.begin();
    watch(plan_.length);
    faults_.end();
    // Few mixes of faults ever leave ten election timeouts of calm between them.
    if (Random(plan_.seed ^ 0x63616c6d).below(4) == 0) watch(25 * settings_.election_timeout);
    workload_.end();
    let_connections_end();
    rest_.await();
    audience_.finish();
    rest_.compare_tables();
    rest_.stay_silent();
  }

  void report(Report& report) {
    report.virtual_time = cluster_.time().now() - Instant{seconds(1)};
    report.events = cluster_.time().events();
    report.operations = workload_.operations();
    report.offline_writes = workload_.offline_writes();
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind)
      report.struck[kind] = faults_.struck()[kind] + workload_.struck()[kind];
  }

 private:
  void watch(Duration time) {
    for (const Instant end = cluster_.time().now() + time; cluster_.time().now() < end;) {
      advance(kLook);
      workload_.look(kLook);
      availability_.look();
      office_check_.look();
      bound_checks_.look();
    }
  }

  void advance(Duration time) {
    const Instant end = cluster_.time().now() + time;
    while (cluster_.time().next() <= end) {
      cluster_.time().run_next();
      if (cluster_.time().events() > bounds_.events_max)
        throw Violation("bound", "more than " + std::to_string(bounds_.events_max) + " events");
    }
    cluster_.run_for(end - cluster_.time().now());
  }

  // What is half-open ends in its own time, long after the cluster has come to rest: it must harm
  // nobody then, either.
  void let_connections_end() {
    if (plan_.level(FaultKind::half_open) == 0) return;
    const Instant latest = cluster_.time().now() + kConnectionsEnd;
    while (!cluster_.network().settled() && cluster_.time().now() < latest) advance(seconds(1));
  }

  const Plan& plan_;
  const Bounds& bounds_;
  ClusterSettings settings_;
  Audience<Trace, RaftChecks, ClockChecks, SettleModel, Workload, Availability, OfficeCheck,
           ForwardCheck, BoundChecks>
      audience_;
  Cluster cluster_;
  Faults faults_;
  Workload workload_;
  Availability availability_;
  OfficeCheck office_check_;
  Rest rest_;
  ForwardCheck forward_check_{cluster_};
  RaftChecks raft_checks_{cluster_};
  ClockChecks clock_checks_{cluster_};
  SettleModel settle_model_{cluster_};
  BoundChecks bound_checks_{cluster_, settings_};
};

}  // namespace

Report simulate(const Plan& plan, Trace& trace, const Bounds& bounds) {
  const ChecksAreViolations checks;
  Report report;
  Run run(plan, trace, bounds);
  try {
    run.run();
  } catch (const Violation& violation) {
    report.failure = Failure{violation.invariant, violation.detail};
  }
  run.report(report);
  report.trace_hash = trace.hash();
  return report;
}

}  // namespace causeway::sim
