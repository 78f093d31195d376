import ChaosReport
import Foundation
import HistoryChecker
import Testing

@Suite struct `The report of a run` {
    /// Two shards, a message every 10 ms in each for 20 s; in the holes nothing is acknowledged before their end.
    private static func run(
        without holes: [(shard: Int, from: Microseconds, to: Microseconds)], faults: [Fault]
    ) -> RecordedRun {
        var reader = HistoryReader()
        var text = #"{"e":"client","format":1,"client":0,"user":"u"}"# + "\n"
        for channel in 0...1 {
            text += #"{"e":"channel","c":\#(channel),"id":"chn_\#(channel)","name":"c","shard":\#(channel + 1)}"# + "\n"
        }
        var number = 0
        for time in stride(from: Microseconds(0), to: 20_000_000, by: 10_000) {
            for channel in 0...1 {
                let hole = holes.first { $0.shard == channel + 1 && time > $0.from && time < $0.to }
                text += #"{"e":"send","t":\#(time),"c":\#(channel),"k":"0-\#(number)","h":1,"n":"n1"}"# + "\n"
                let answer = (hole?.to ?? time) + 500
                if answer > 20_100_000 {
                    text += #"{"e":"unknown","t":\#(time + 900),"c":\#(channel),"k":"0-\#(number)","why":"x"}"# + "\n"
                } else {
                    text +=
                        #"{"e":"ack","t":\#(answer),"c":\#(channel),"k":"0-\#(number)","s":\#(number + 1),"h":1}"#
                        + "\n"
                }
                number += 1
            }
        }
        do { try reader.read(text, name: "made up") } catch { Issue.record(error) }
        let description = RunDescription(
            name: "made <up>", startedAt: "", servers: ["n1=127.0.0.1:1", "n2=127.0.0.1:2"], clients: 1, channels: 2,
            rate: 200, loadBegin: 0, loadEnd: 20_000_000, clientCPUSeconds: 0)
        return RecordedRun(
            description: description, history: reader.history(faults: faults),
            samples: reader.samples.sorted { $0.at < $1.at })
    }

    @Test func `the longest gap of each shard is found for each fault`() throws {
        let faults = [
            Fault(name: "F1 kill -9", target: "n1", begin: 5_000_000, end: 6_000_000),
            Fault(name: "F4 SIGSTOP", target: "n2", begin: 9_000_000, end: 9_500_000),
        ]
        let run = Self.run(
            without: [(1, 5_000_000, 6_200_000), (2, 5_100_000, 5_500_000), (2, 17_000_000, 17_300_000)],
            faults: faults)
        let availability = Availability(run)
        let first = try #require(availability.impacts.first)
        #expect(first.gaps.map(\.shard) == [1, 2])
        #expect(first.gaps.map { $0.length / 1_000 } == [1_190, 390])
        #expect(first.whole == 400_000, "from the moment at which both stood still")
        #expect(availability.impacts[1].longest == nil, "an ack takes half a millisecond")
        // Nobody explains what happened 7 s after the last fault.
        #expect(availability.quiet == 290_500)
        #expect(availability.notable.map { $0.length / 1_000 } == [1_190, 390])
    }

    @Test func `a shard that never comes back has a gap up to the last attempt`() {
        let fault = Fault(name: "F1 kill -9", target: "n1", begin: 5_000_000, end: nil)
        let availability = Availability(
            Self.run(without: [(1, 5_000_000, 30_000_000)], faults: [fault]))
        #expect((availability.impacts[0].longest?.length ?? 0) / 1_000 == 14_990)
    }

    @Test func `faults are paired, and what did not begin did not happen`() throws {
        let faults = try FaultLog.read(
            """
            {"t_us":1,"fault":"F1","target":"n1","phase":"begin","detail":"a"}
            {"t_us":2,"fault":"F1","target":"n2","phase":"begin","detail":{"x":1}}
            {"t_us":3,"fault":"F1","target":"n1","phase":"end"}
            {"t_us":4,"fault":"F1","target":"n1","phase":"begin","number":7}
            {"t_us":5,"fault":"F1","target":"n2","phase":"end","detail":"did not begin"}
            {"t_us":6,"fault":"F2","target":"n2","phase":"be
            """)
        #expect(
            faults == [
                Fault(name: "F1", target: "n1", begin: 1, end: 3, detail: "a"),
                Fault(name: "F1", target: "n1", begin: 4, end: nil),
            ])
        #expect(throws: HistoryFormatError.self) { try FaultLog.read("nonsense\n") }
        #expect(try FaultLog.read("").isEmpty)
    }

    @Test func `a run without a final log fails, and says of which rule`() throws {
        let verdict = Verdict(Self.run(without: [], faults: []))
        #expect(!verdict.passed)
        let json = try #require(JSONSerialization.jsonObject(with: verdict.json()) as? [String: Any])
        #expect(json["passed"] as? Bool == false)
        #expect(json["counts"] as? Bool == true)
        #expect((json["rules"] as? [String: Int])?["C1"] == 2)
        #expect(json["acked"] as? Int == 4_000)
        #expect(json["calm_acked_per_s"] as? Int == 200)
        #expect(verdict.text.contains("FAILED, 2 violations"))
    }

    @Test func `a run of too few messages does not count`() {
        let run = Self.run(without: [(1, -1, 30_000_000), (2, 100_000, 30_000_000)], faults: [])
        #expect(Verdict(run).doesNotCount != nil)
    }

    @Test func `the picture is one well-formed document with every fault and gap`() throws {
        let faults = [
            Fault(name: "F5 partition & more", target: "n1|n2", begin: 5_000_000, end: 6_000_000),
            Fault(name: "F9 slow link", target: "bridge", begin: 7_000_000, end: 8_000_000),
        ]
        let run = Self.run(without: [(1, 5_000_000, 6_200_000)], faults: faults)
        let svg = TimelineDrawing(Timeline(run)).svg
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("made &lt;up&gt;") && !svg.contains("<script"))
        #expect(svg.components(separatedBy: ">F5 partition &amp; more<").count == 3, "once for each node")
        #expect(svg.contains(">F9 slow link bridge<"))
        #expect(svg.contains(">1191 ms shard 1<"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        // Every tag that opens closes.
        #expect(svg.matches(of: /<text[ >]/).count == svg.matches(of: /<\/text>/).count)
    }

    @Test func `a run that nobody answered is drawn all the same`() {
        let run = RecordedRun(
            description: RunDescription(
                name: "empty", startedAt: "", servers: [], clients: 0, channels: 0, rate: 0, loadBegin: 5, loadEnd: 5,
                clientCPUSeconds: 0), history: History(), samples: [])
        #expect(TimelineDrawing(Timeline(run)).svg.contains("empty"))
        #expect(Verdict(run).passed)
    }
}
