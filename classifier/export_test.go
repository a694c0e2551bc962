package classifier

// Anew gives a classifier that has seen nothing, with what k has read in the
// catalogues, which no classifier changes. The tests make tens of thousands,
// and under the race detector reading takes several times as long as what most
// of them classify. Brief must be as it was for k.
func (k *Classifier) Anew(o Options) *Classifier {
	n := newEmpty(k.patterns, k.causes, o)
	n.rules, n.alikes, n.known, n.answers = k.rules, k.alikes, k.known, k.answers
	return n
}
