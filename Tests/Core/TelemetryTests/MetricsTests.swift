import Testing

@testable import Telemetry

@Suite struct MetricsTests {
    @Test func `an instrument asked for twice is the same`() {
        let metrics = Metrics()
        metrics.counter("roost_sends_total", "Sends.").increment()
        metrics.counter("roost_sends_total", "Sends.").increment(by: 2)
        #expect(metrics.counter("roost_sends_total", "Sends.").value == 3)
    }

    @Test func `a family has one header and its series in order`() async {
        let metrics = Metrics()
        metrics.counter("roost_requests_total", "Requests.", labels: ["status": "500", "method": "GET"]).increment()
        metrics.counter("roost_requests_total", "Requests.", labels: ["method": "GET", "status": "200"]).increment()
        metrics.gauge("roost_open_sockets", "Sockets\nnow.").set(-4)
        let text = await metrics.exposition()
        #expect(
            text == """
                # HELP roost_open_sockets Sockets\\nnow.
                # TYPE roost_open_sockets gauge
                roost_open_sockets -4
                # HELP roost_requests_total Requests.
                # TYPE roost_requests_total counter
                roost_requests_total{method="GET",status="200"} 1
                roost_requests_total{method="GET",status="500"} 1

                """)
    }

    @Test func `buckets hold what is not above their bound and are cumulative`() async {
        let metrics = Metrics()
        let histogram = metrics.histogram("roost_ack_seconds", "Acks.")
        histogram.record(.microseconds(50))
        histogram.record(.microseconds(51))
        histogram.record(.microseconds(100))
        histogram.record(.microseconds(101))
        histogram.record(.seconds(100))
        histogram.record(.seconds(-1))
        let lines = await metrics.exposition().split(separator: "\n").map(String.init)
        #expect(lines.contains("roost_ack_seconds_bucket{le=\"5e-05\"} 2"))
        #expect(lines.contains("roost_ack_seconds_bucket{le=\"0.0001\"} 4"))
        #expect(lines.contains("roost_ack_seconds_bucket{le=\"0.0002\"} 5"))
        #expect(lines.contains("roost_ack_seconds_bucket{le=\"+Inf\"} 6"))
        #expect(lines.contains("roost_ack_seconds_count 6"))
    }

    @Test func `a reading is taken when somebody looks`() async {
        let metrics = Metrics()
        metrics.reading("roost_lag_entries", "Lag.", labels: ["peer": "a\"b\\c"]) { 2.5 }
        let text = await metrics.exposition()
        #expect(text.contains("roost_lag_entries{peer=\"a\\\"b\\\\c\"} 2.5\n"))
    }

    @Test func `readings of one owner are taken together, and only the latest owner's`() async {
        let metrics = Metrics()
        metrics.gauge("roost_b", "Between.").set(1)
        metrics.readings(of: "loop") { [Metrics.Reading("roost_gone", "Old.", 1)] }
        metrics.readings(of: "loop") {
            [Metrics.Reading("roost_c", "Last.", 3), Metrics.Reading("roost_a", "First.", 2)]
        }
        let lines = await metrics.exposition().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["roost_a 2.0", "roost_b 1", "roost_c 3.0"])
    }
}
