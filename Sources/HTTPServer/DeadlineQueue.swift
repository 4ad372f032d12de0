import SystemIO

/// One deadline for each slot, cheap to move into the future.
///
/// A heap of reminders lies over a table of what is really wanted. Moving a deadline later only
/// writes the table; the reminder that comes too early puts itself back. So a connection that
/// serves thousands of requests costs the heap one entry for each span of its shortest timeout.
package struct DeadlineQueue {
    private struct Reminder {
        var due: Instant
        var slot: Int
    }

    private struct Place {
        var wanted: Instant?
        /// The earliest reminder in the heap for this slot.
        var reminded = Instant.distantFuture
    }

    private var places: [Place] = []
    private var heap: [Reminder] = []

    package init() {}

    /// When to call `popExpired` next; may be earlier than the earliest deadline, never later.
    package var nextReminder: Instant? { heap.first?.due }

    package func wanted(for slot: Int) -> Instant? {
        places.indices.contains(slot) ? places[slot].wanted : nil
    }

    package mutating func set(_ deadline: Instant?, for slot: Int) {
        while slot >= places.count { places.append(Place()) }
        places[slot].wanted = deadline
        guard let deadline, deadline < places[slot].reminded else { return }
        places[slot].reminded = deadline
        push(Reminder(due: deadline, slot: slot))
    }

    /// A slot whose deadline lies at or before `now`, which then has none; nil when no more has.
    package mutating func popExpired(_ now: Instant) -> Int? {
        while let reminder = heap.first, reminder.due <= now {
            popFirst()
            // A slot may have older, later reminders; only the one it counts on speaks for it.
            guard places[reminder.slot].reminded == reminder.due else { continue }
            places[reminder.slot].reminded = .distantFuture
            guard let wanted = places[reminder.slot].wanted else { continue }
            if wanted <= now {
                places[reminder.slot].wanted = nil
                return reminder.slot
            }
            places[reminder.slot].reminded = wanted
            push(Reminder(due: wanted, slot: reminder.slot))
        }
        return nil
    }

    private mutating func push(_ reminder: Reminder) {
        heap.append(reminder)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].due < heap[parent].due else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func popFirst() {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].due < heap[smallest].due {
                smallest = child
            }
            guard smallest != index else { return }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
