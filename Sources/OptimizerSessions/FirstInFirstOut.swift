/// A queue: what entered first leaves first. Both ends cost constant time on average.
struct FirstInFirstOut<Element> {
    private var entered: [Element] = []
    private var leaving: [Element] = []

    var count: Int { entered.count + leaving.count }
    var isEmpty: Bool { count == 0 }

    mutating func enter(_ element: Element) {
        entered.append(element)
    }

    mutating func leave() -> Element? {
        if leaving.isEmpty {
            swap(&entered, &leaving)
            leaving.reverse()
        }
        return leaving.popLast()
    }
}
