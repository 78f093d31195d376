import ClusterModel

extension Wire {
    /// Whether both are written alike: how apply compares what holds texts.
    ///
    /// `==` finds texts equal that Unicode finds equal. What that is changes with the tables of a build, and replicas of
    /// two builds would part.
    func hasBytes(of other: Self) -> Bool { self.encoded == other.encoded }
}
