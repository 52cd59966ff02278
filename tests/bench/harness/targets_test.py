"""Goal: what the benchmark says of its lines is what they say. Method: fixed lines, known answers."""

import os
import tempfile
import unittest
import xml.dom.minidom

import compare
import plan
import plot
import report
import targets


def line(system="nemcon", run="commit", mode="S", in_flight=64, body_bytes=100, per_second=1000.0,
         round=1, group="g", **more):
    return {
        "system": system, "run": run, "mode": mode, "links": "plain", "settings": "as it is",
        "in_flight": in_flight, "body_bytes": body_bytes, "per_second": per_second, "p50_ms": 1.0,
        "p99_ms": 2.0, "cpu_us_per_operation": 3.0, "load_cpu_us_per_operation": 1.0,
        "flushes_per_operation": 2.0, "resident_mib": 20.0, "probe_flush_ms": 0.1,
        "foreign_cpu": 0.5, "round": round, "group": group,
    } | more


def postgres(per_second, **more):
    return line(system="postgres", mode="-", per_second=per_second, **more)


def scale(nodes, cpu, messages=3, expected=3, mode="S"):
    return {
        "system": "simulated", "run": "scale", "mode": mode, "nodes": nodes, "participants": 2,
        "messages_until_decided": messages, "messages_expected": expected, "messages": 6,
        "messages_until_decided_spread": messages, "cpu_us_per_operation": cpu,
        "cpu_us_per_operation_spread": cpu, "forming_messages_per_node": 4,
        "forming_cpu_us_per_node": 10, "group": "scale", "round": 1,
    }


def judged(name, lines):
    return next(one for one in targets.judge(lines) if one.name == name)


class Keys(unittest.TestCase):
    def test_name_what_was_measured_and_nothing_else(self):
        self.assertEqual(targets.key_of(line(per_second=1)), targets.key_of(line(per_second=2)))
        self.assertEqual(targets.key_of(line()), "nemcon/commit/S/64/100")
        self.assertEqual(targets.key_of(line(links="curve")), "nemcon+curve/commit/S/64/100")
        self.assertEqual(targets.key_of(line(run="enqueue-waiting", mode="-", waiting=5)),
                         "nemcon/enqueue-waiting/64/100/deep")
        self.assertEqual(targets.key_of(scale(30, 1)), "simulated/scale/S/2/30")


class Ratios(unittest.TestCase):
    def test_are_made_within_a_round_and_their_median_counts(self):
        # The machine was ten times slower in the second round, which no ratio shows.
        lines = [line(per_second=30_000, round=1), postgres(1000, round=1),
                 line(per_second=2_000, round=2), postgres(100, round=2),
                 line(per_second=27_000, round=3), postgres(1000, round=3)]
        self.assertEqual(judged("T1a", lines).value, 27)
        self.assertEqual(judged("T1a", lines).met, "yes")
        self.assertEqual(judged("T1a", lines).spread, (20, 30))
        self.assertFalse(judged("T1a", lines).is_settled)
        self.assertTrue(judged("T1a", lines[:2]).is_settled)

    def test_are_not_made_across_groups_or_rounds(self):
        lines = [line(round=1), postgres(10, round=2), postgres(10, round=1, group="other")]
        self.assertEqual(judged("T1a", lines).met, "unmeasured")
        self.assertIn("ratio=- target=25 met=unmeasured", judged("T1a", lines).line())

    def test_are_against_the_best_setting_of_a_peer(self):
        lines = [line(run="enqueue", mode="-", in_flight=1000, per_second=900),
                 line("redis", "enqueue", "-", 1000, per_second=100),
                 line("redis", "enqueue", "-", 1024, per_second=1000)]
        self.assertEqual(judged("T4a", lines).value, 0.9)
        self.assertEqual(judged("T4a", lines).met, "no")

    def test_of_latencies_must_be_small(self):
        lines = [line(in_flight=1, p50_ms=0.4), postgres(1, in_flight=1, p50_ms=1.0)]
        self.assertEqual(judged("T3a", lines).value, 0.4)
        self.assertEqual(judged("T3a", lines).met, "yes")
        lines = [line(in_flight=1, p50_ms=0.6), postgres(1, in_flight=1, p50_ms=1.0)]
        self.assertEqual(judged("T3a", lines).met, "no")


class Bounds(unittest.TestCase):
    def test_hold_for_the_worst_line(self):
        lines = [line(run="idle", nodes=3, idle_cpu_percent=0.1),
                 line(run="idle", nodes=3, idle_cpu_percent=0.7),
                 line(run="idle", nodes=30, idle_cpu_percent=2)]
        self.assertEqual(judged("T11a", lines).value, 0.7)
        self.assertEqual(judged("T11a", lines).met, "no")
        self.assertEqual(judged("T11a", lines[:1]).met, "yes")


class Extents(unittest.TestCase):
    def test_say_how_deep_the_queue_was(self):
        lines = [line(run="enqueue-waiting", mode="-", waiting=1e6)]
        self.assertIn("; 1,000,000 messages wait", judged("T8a", lines).line())


class Scale(unittest.TestCase):
    def test_counts_the_meshes_with_the_right_number_of_messages(self):
        self.assertEqual(judged("T7a", [scale(3, 1), scale(10, 1)]).met, "yes")
        one_is_wrong = [scale(3, 1), scale(10, 1, messages=4)]
        self.assertEqual(judged("T7a", one_is_wrong).value, 0.5)
        self.assertEqual(judged("T7a", one_is_wrong).met, "no")

    def test_takes_the_worst_growth(self):
        lines = [scale(3, 10), scale(100, 11), scale(3, 20, mode="X"), scale(100, 60, mode="X")]
        self.assertEqual(judged("T7b", lines).value, 3)
        self.assertEqual(judged("T7b", lines[:2]).met, "yes")


    def test_judges_meshes_in_which_all_work_as_well(self):
        lines = [scale(3, 10), scale(100, 11) | {"cpu_us_per_operation_spread": 26}]
        self.assertEqual(judged("T7b", lines).met, "yes")
        self.assertEqual(judged("T7c", lines).met, "no")


class Flushes(unittest.TestCase):
    def test_must_be_one_for_each_promise(self):
        lines = [line(in_flight=1), line(run="enqueue", mode="-", in_flight=1)]
        self.assertEqual(judged("flush", lines).met, "yes")
        lines.append(line(run="enqueue", mode="-", in_flight=1, flushes_per_operation=0.0))
        self.assertEqual(judged("flush", lines).value, 0)
        self.assertEqual(judged("flush", lines).met, "no")


class Settings(unittest.TestCase):
    def test_of_a_peer_are_apart_and_the_best_counts(self):
        lines = [line(run="consume", mode="-", in_flight=1000, per_second=1000),
                 line("rabbitmq", "consume", "-", 1024, per_second=100),
                 line("rabbitmq", "consume", "-", 1024, per_second=200, queue_type="classic"),
                 line("rabbitmq", "consume", "-", 1024, per_second=250, queue_type="classic",
                      consumers=3)]
        self.assertEqual(judged("T5b", lines).value, 4)

    def test_of_a_target_are_of_peers_that_flush(self):
        others = [key for target in targets.TARGETS for key in getattr(target, "others", [])]
        for system in plan.BEST:
            self.assertFalse([key for key in others if key.startswith(system + "/")])

    def test_of_a_queue_with_a_backlog_the_slower_side_counts(self):
        lines = [line(run="consume-waiting", mode="-", in_flight=1000, waiting=waiting,
                      per_second=1000, enqueued_per_second=enqueued)
                 for waiting, enqueued in ((0, 1000), (10, 700))]
        self.assertEqual(judged("T8b", lines).value, 0.7)


class Lines(unittest.TestCase):
    def test_say_target_and_verdict(self):
        lines = [line(per_second=27_100), postgres(1000)]
        self.assertTrue(judged("T1a", lines).line().startswith("T1a ratio=27.1 target=25 met=yes"))


class Reports(unittest.TestCase):
    LINES = [line(in_flight=count, per_second=1000.0 * count) for count in (1, 64)] + [
        postgres(500, in_flight=1), line(run="enqueue", mode="-", in_flight=1),
        line(run="consume", mode="-", in_flight=1000), scale(3, 10), scale(100, 11),
        line(run="restart", mode="-", serving_seconds=0.5)]

    def test_of_all_kinds_of_lines_are_written_with_their_plots(self):
        with tempfile.TemporaryDirectory() as docs:
            report.write(self.LINES, targets.judge(self.LINES), ["queues"], 0, docs)
            with open(os.path.join(docs, "benchmarks.md"), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("| Nemcon | S | 64 | 100 | 64,000 |", text)
            self.assertIn("| PostgreSQL, commit | as it is | 2.00 | yes |", text)
            self.assertIn("| T7a |", text)
            self.assertIn("**Without a figure: queues.**", text)
            for name in ("rate.svg", "scale.svg"):
                xml.dom.minidom.parse(os.path.join(docs, "benchmarks", name))

    def test_have_a_row_for_each_peer_also_when_it_was_not_measured(self):
        lines = [line("beanstalkd", "enqueue", "-", 1, per_second=2000)]
        rows = report.measured_table(lines, "enqueue")
        self.assertTrue(any(row.startswith("| beanstalkd | - | 1 | 100 | 2,000 |") for row in rows))
        for name in ("ActiveMQ", "NATS JetStream, **no flush**", "Redis, `always`"):
            self.assertTrue(any(row.startswith(f"| {name} | - | not measured |") for row in rows))
        self.assertEqual({row.count("|") for row in rows}, {15})
        self.assertNotIn("not measured", "".join(report.measured_table(lines, "commit")))

    def test_say_who_does_not_flush(self):
        nats = line("nats", "enqueue", "-", 1, flushes_per_operation=0)
        for lines in ([nats], []):
            text = "\n".join(report.proof_of_flush(lines))
            self.assertRegex(text, r"NATS JetStream, \*\*no flush\*\*, enqueue .* \| \*\*no\*\* \|")
            self.assertRegex(text, r"ActiveMQ, enqueue .* \| not measured \| yes \|")

    def test_summary_has_the_median(self):
        text = report.summary([line(per_second=rate, round=rate) for rate in (10, 30, 20)])
        self.assertRegex(text, r"nemcon/commit/S/64/100 +20 ")

    def test_plots_have_every_curve(self):
        text = plot.draw("a < b", "x", "y", {"one": [(1, 5), (100, 7)], "two": [(10, 1)]})
        self.assertEqual(text.count("<polyline"), 2)
        xml.dom.minidom.parseString(text)


class Comparisons(unittest.TestCase):
    def test_are_ratios_of_pairs(self):
        self.assertEqual(compare.ratios_of([(10, 20), (100, 100), (1, 3)]), (2, 1, 3))


if __name__ == "__main__":
    unittest.main()
