/// Consecutive data of a file that stays together where it goes: one piece to receive, however
/// many tensors it is.
package struct DataRun: Equatable, Sendable {
    /// Where it goes, from the start of the memory for all data.
    package let offset: Int
    package let byteCount: Int

    package init(offset: Int, byteCount: Int) {
        self.offset = offset
        self.byteCount = byteCount
    }

    /// The runs of a file's tensors, in the order of their data.
    ///
    /// - Parameter offsets: where each entry goes.
    package static func of(_ entries: [SafetensorsEntry], at offsets: [Int]) -> [DataRun] {
        var runs: [DataRun] = []
        for (entry, offset) in zip(entries, offsets) where entry.byteCount > 0 {
            if let last = runs.last, last.offset + last.byteCount == offset {
                let byteCount = last.byteCount + entry.byteCount
                runs[runs.count - 1] = DataRun(offset: last.offset, byteCount: byteCount)
            } else {
                runs.append(DataRun(offset: offset, byteCount: entry.byteCount))
            }
        }
        return runs
    }
}
