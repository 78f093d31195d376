/// Where `key` stands, or would stand, in an array that is sorted by `keyPath`.
extension Array {
    func place<Key: Comparable>(of key: Key, by keyPath: (Element) -> Key) -> (index: Int, isPresent: Bool) {
        var low = 0
        var high = self.count
        while low < high {
            let middle = low + (high - low) / 2
            if keyPath(self[middle]) < key { low = middle + 1 } else { high = middle }
        }
        return (low, low < self.count && keyPath(self[low]) == key)
    }
}
