extension RandomAccessCollection where Index == Int {
    /// The index of the first element for which the predicate holds, or `endIndex`. It must hold
    /// for all behind the first for which it does.
    func partitionPoint(where isInSecondPart: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isInSecondPart(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
