import Foundation
import HistoryChecker

/// A timeline as SVG: 1200 wide, no scripts, light background.
package struct TimelineDrawing {
    private let timeline: Timeline
    private var body = ""
    private var top = 0.0

    private static let width = 1_200.0
    private static let left = 96.0
    private static let right = 1_176.0
    private static let ink = "#2b2f33"
    private static let faint = "#737a82"
    private static let grid = "#e3e6ea"
    private static let acked = "#2f7d6b"
    private static let failed = "#c2413b"
    private static let retried = "#d08a1d"
    private static let latency = "#3b5b92"
    private static let fault = "#8a4f9e"
    private static let laneHeight = 18.0

    package init(_ timeline: Timeline) { self.timeline = timeline }

    package var svg: String {
        var drawing = self
        drawing.drawTitle()
        let panelsTop = drawing.top
        drawing.drawRates()
        drawing.drawLatencies()
        let panelsEnd = drawing.top
        drawing.drawRows()
        drawing.drawTimeAxis()
        let height = drawing.top + 16
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.text(Self.width)) \(Self.text(height))" \
            width="\(Self.text(Self.width))" height="\(Self.text(height))" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" \
            font-size="12" fill="\(Self.ink)">
            <title>\(Self.escaped(self.timeline.title))</title>
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(self.shades(from: panelsTop, to: panelsEnd))\(drawing.body)</svg>

            """
    }

    // MARK: Parts

    private mutating func drawTitle() {
        self.label(self.timeline.title, Self.left, 30, size: 18, weight: "bold")
        self.label(self.timeline.subtitle, Self.left, 50, color: Self.faint)
        self.top = 66
    }

    /// Where faults were, behind the curves.
    private func shades(from top: Double, to bottom: Double) -> String {
        self.timeline.rows.flatMap(\.bars).map { bar in
            let (low, high) = self.span(bar)
            return """
                <rect x="\(Self.text(low))" y="\(Self.text(top))" width="\(Self.text(max(high - low, 1)))" \
                height="\(Self.text(bottom - top))" fill="\(Self.fault)" fill-opacity="0.05"/>

                """
        }.joined()
    }

    private mutating func drawRates() {
        let perSecond = 1e6 / Double(self.timeline.binLength)
        let highest = self.timeline.bins.map { Double(max($0.acked, $0.failed, $0.retried)) * perSecond }.max() ?? 1
        let (step, limit) = Self.ticks(to: max(highest, 1))
        let panel = self.panel("operations a second", height: 190)
        for value in stride(from: 0.0, through: limit, by: step) {
            self.gridLine(panel.bottom - value / limit * panel.height, Self.number(value))
        }
        func points(_ value: (Timeline.Bin) -> Int) -> [(Double, Double)] {
            self.timeline.bins.enumerated().map { index, bin in
                (self.middle(index), panel.bottom - Double(value(bin)) * perSecond / limit * panel.height)
            }
        }
        self.area(points(\.acked), bottom: panel.bottom, color: Self.acked)
        self.line(points(\.acked), color: Self.acked)
        if self.timeline.bins.contains(where: { $0.failed > 0 }) { self.line(points(\.failed), color: Self.failed) }
        if self.timeline.bins.contains(where: { $0.retried > 0 }) {
            self.line(points(\.retried), color: Self.retried, dash: "4 3")
        }
        self.legend(
            panel.top - 8,
            [("acknowledged", Self.acked), ("failed or unknown", Self.failed), ("of all, retries", Self.retried)])
    }

    private mutating func drawLatencies() {
        // 0.1 ms to the longest, by decades.
        let longest = Double(self.timeline.bins.compactMap(\.p99).max() ?? 1_000)
        let lowest = 2.0
        let decades = max(ceil(log10(max(longest, 10_000))) - lowest, 1)
        let panel = self.panel("latency to the ack", height: 150)
        func height(_ value: Microseconds) -> Double {
            panel.bottom - min(max(log10(max(Double(value), 1)) - lowest, 0) / decades, 1) * panel.height
        }
        for decade in 0...Int(decades) {
            let value = Int(pow(10, lowest + Double(decade)))
            self.gridLine(
                panel.bottom - Double(decade) / decades * panel.height,
                value < 1_000 ? "0.1 ms" : value < 1_000_000 ? "\(value / 1_000) ms" : "\(value / 1_000_000) s")
        }
        // A bin without an ack breaks the band.
        for stretch in self.timeline.bins.indices.split(whereSeparator: { self.timeline.bins[$0].median == nil }) {
            let medians = stretch.map { (self.middle($0), height(self.timeline.bins[$0].median ?? 0)) }
            let tails = stretch.map { (self.middle($0), height(self.timeline.bins[$0].p99 ?? 0)) }
            let outline = (tails + medians.reversed()).map { "\(Self.text($0.0)),\(Self.text($0.1))" }
            self.body += """
                <polygon points="\(outline.joined(separator: " "))" fill="\(Self.latency)" fill-opacity="0.22"/>

                """
            self.line(medians, color: Self.latency)
            self.line(tails, color: Self.latency, width: 0.8)
        }
        self.legend(panel.top - 8, [("p50 (thick) to p99 (thin), from the first attempt on", Self.latency)])
    }

    private mutating func drawRows() {
        self.label("faults", Self.left, self.top + 4, weight: "bold")
        self.top += 12
        for row in self.timeline.rows { self.drawRow(row.name, row.bars, color: Self.fault) }
        let threshold = Verdict.short(Int(self.timeline.gapThreshold))
        self.top += 14
        self.label("write gaps of shards, longer than \(threshold)", Self.left, self.top + 4, weight: "bold")
        self.top += 12
        self.drawRow("gaps", self.timeline.gaps, color: Self.failed)
    }

    private mutating func drawRow(_ name: String, _ bars: [Timeline.Bar], color: String) {
        // A lane is taken as far as the bar or its label reach, so that no two words meet.
        var lanes: [Double] = []
        var placed: [(bar: Timeline.Bar, lane: Int)] = []
        for bar in bars.sorted(by: { $0.begin < $1.begin }) {
            let (low, high) = self.span(bar)
            let end = max(high, min(low + Self.labelWidth(bar.label), Self.right)) + 6
            let lane = lanes.firstIndex { $0 <= self.labelStart(bar) } ?? lanes.count
            if lane == lanes.count { lanes.append(end) } else { lanes[lane] = end }
            placed.append((bar, lane))
        }
        let height = Double(max(lanes.count, 1)) * Self.laneHeight + 6
        self.body += """
            <line x1="\(Self.text(Self.left))" y1="\(Self.text(self.top + height))" x2="\(Self.text(Self.right))" \
            y2="\(Self.text(self.top + height))" stroke="\(Self.grid)"/>

            """
        self.label(name, Self.left - 8, self.top + height / 2 + 4, anchor: "end")
        for (bar, lane) in placed {
            let (low, high) = self.span(bar)
            let top = self.top + 4 + Double(lane) * Self.laneHeight
            self.body += """
                <rect x="\(Self.text(low))" y="\(Self.text(top + 11))" width="\(Self.text(max(high - low, 2)))" height="4" \
                rx="1" fill="\(color)" fill-opacity="0.8"/>

                """
            self.label(bar.label, self.labelStart(bar), top + 9, size: 10)
        }
        self.top += height
    }

    private mutating func drawTimeAxis() {
        let seconds = Double(self.timeline.length) / 1e6
        let (step, _) = Self.ticks(to: seconds, count: 12)
        self.top += 16
        for value in stride(from: 0.0, through: seconds, by: step) {
            self.label(
                "\(Self.number(value)) s", self.x(Microseconds(value * 1e6)), self.top, color: Self.faint,
                anchor: "middle")
        }
    }

    // MARK: Pieces

    private mutating func panel(_ name: String, height: Double) -> (top: Double, bottom: Double, height: Double) {
        self.label(name, Self.left, self.top + 12, weight: "bold")
        let top = self.top + 24
        self.top = top + height + 18
        return (top, top + height, height)
    }

    private mutating func gridLine(_ y: Double, _ text: String) {
        self.body += """
            <line x1="\(Self.text(Self.left))" y1="\(Self.text(y))" x2="\(Self.text(Self.right))" y2="\(Self.text(y))" \
            stroke="\(Self.grid)"/>

            """
        self.label(text, Self.left - 8, y + 4, color: Self.faint, anchor: "end")
    }

    private mutating func legend(_ y: Double, _ entries: [(String, String)]) {
        var x = Self.right
        for (text, color) in entries.reversed() {
            x -= Double(text.count) * 6.6
            self.label(text, x, y, color: Self.faint)
            x -= 16
            self.body += """
                <rect x="\(Self.text(x))" y="\(Self.text(y - 9))" width="10" height="10" rx="2" fill="\(color)"/>

                """
            x -= 18
        }
    }

    private mutating func line(
        _ points: [(Double, Double)], color: String, width: Double = 1.6, dash: String? = nil
    ) {
        let path = points.map { "\(Self.text($0.0)),\(Self.text($0.1))" }.joined(separator: " ")
        let dashes = dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
        self.body += """
            <polyline points="\(path)" fill="none" stroke="\(color)" stroke-width="\(width)"\(dashes)/>

            """
    }

    private mutating func area(_ points: [(Double, Double)], bottom: Double, color: String) {
        guard let first = points.first, let last = points.last else { return }
        let outline = ([(first.0, bottom)] + points + [(last.0, bottom)]).map {
            "\(Self.text($0.0)),\(Self.text($0.1))"
        }
        self.body += """
            <polygon points="\(outline.joined(separator: " "))" fill="\(color)" fill-opacity="0.15"/>

            """
    }

    private mutating func label(
        _ text: String, _ x: Double, _ y: Double, size: Int = 12, weight: String? = nil, color: String? = nil,
        anchor: String? = nil
    ) {
        let style =
            (weight.map { " font-weight=\"\($0)\"" } ?? "") + (color.map { " fill=\"\($0)\"" } ?? "")
            + (anchor.map { " text-anchor=\"\($0)\"" } ?? "") + (size == 12 ? "" : " font-size=\"\(size)\"")
        self.body += "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\"\(style)>\(Self.escaped(text))</text>\n"
    }

    // MARK: Places

    private func x(_ time: Microseconds) -> Double {
        let share = Double(time) / Double(self.timeline.length)
        return Self.left + min(max(share, 0), 1) * (Self.right - Self.left)
    }

    private func span(_ bar: Timeline.Bar) -> (Double, Double) { (self.x(bar.begin), self.x(bar.end)) }

    private func labelStart(_ bar: Timeline.Bar) -> Double {
        min(self.x(bar.begin), Self.right - Self.labelWidth(bar.label))
    }

    private func middle(_ bin: Int) -> Double {
        self.x(Microseconds(bin) * self.timeline.binLength + self.timeline.binLength / 2)
    }

    private static func labelWidth(_ text: String, size: Double = 10) -> Double { Double(text.count) * size * 0.6 + 2 }

    /// A round step that gives about `count` ticks, and the first of them at or above the value.
    private static func ticks(to value: Double, count: Double = 5) -> (step: Double, limit: Double) {
        let rough = value / count
        let power = pow(10, floor(log10(rough)))
        let step = ([1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10) * power
        return (step, ceil(value / step) * step)
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\((value * 100).rounded() / 100)"
    }

    private static func text(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
    }
}
