// C12 of lively channels: what every node shows, against what follows from the log.

extension LivelyCheck {
    mutating func checkCounts(_ state: LivelyState) {
        var marks: [UInt32: (done: UInt64, open: Set<UInt64>)] = [:]
        for operation in self.channel.operations where !operation.isRefused {
            guard case .read(let seq) = operation.action else { continue }
            var mark = marks[operation.key.client] ?? (0, [])
            if operation.isDone { mark.done = max(mark.done, seq) } else { mark.open.insert(seq) }
            marks[operation.key.client] = mark
        }
        for count in self.channel.counts {
            self.figures.sidebarRows += 1
            guard let row = count.row else {
                if state.members[count.client] != nil {
                    self.found.append(.sidebarLacks(count.source, client: count.client))
                }
                continue
            }
            guard state.members[count.client] != nil else {
                self.found.append(.sidebarHasStranger(count.source, client: count.client))
                continue
            }
            if row.head != state.head {
                self.found.append(
                    .headWrong(count.source, client: count.client, shown: row.head, due: state.head))
            }
            // A mark from before a removal is below the joining that came after it, so it counts for nothing.
            let mark = marks[count.client] ?? (0, [])
            let due = max(mark.done, state.marker(of: count.client))
            if row.readSeq != due, row.readSeq < due || !mark.open.contains(row.readSeq) {
                self.found.append(
                    .markerWrong(count.source, client: count.client, shown: row.readSeq, due: due))
            }
            let (unread, mentions) = state.unread(by: count.client, beyond: row.readSeq)
            if row.unread != unread || row.mentions != mentions {
                self.found.append(
                    .countsWrong(count.source, client: count.client, shown: row, unread: unread, mentions: mentions))
            }
        }
    }

    mutating func checkPages(_ state: LivelyState) {
        for pages in self.channel.pages {
            var shown: Set<UInt64> = []
            for message in pages.messages {
                self.figures.livelyMessages += 1
                self.figures.reactionGroups += message.groups.count
                guard let due = state.messages[message.seq], shown.insert(message.seq).inserted else {
                    self.found.append(.messageExtra(pages.source, seq: message.seq))
                    continue
                }
                if due.text?.digest != message.digest {
                    self.found.append(.textWrong(pages.source, seq: message.seq))
                }
                let groups = due.groups.map {
                    LivelyGroup(emoji: $0.emoji, count: $0.clients.count, clients: $0.clients)
                }
                if groups != message.groups {
                    self.found.append(
                        .reactionsWrong(pages.source, seq: message.seq, shown: message.groups, due: groups))
                }
                self.checkPlace(of: message, state, due, pages.source)
            }
            for seq in state.messages.keys.sorted() where !shown.contains(seq) {
                self.found.append(.messageMissing(pages.source, seq: seq))
            }
        }
    }

    mutating func checkMembers(_ state: LivelyState) {
        let due = Set(state.members.keys)
        for list in self.channel.members {
            self.figures.memberLists += 1
            guard list.clients != due else { continue }
            self.found.append(
                .membersWrong(
                    list.source, missing: due.subtracting(list.clients).sorted(),
                    extra: list.clients.subtracting(due).sorted()))
        }
    }
}
