package ice

import (
	"slices"
	"time"
)

// How the path is chosen. The client decides by nominating (RFC 8445 section 8), but browsers nominate several pairs and
// repeat it every 2.5 s or so, on TCP connections they do not use as well. So:
//
//   - A newly nominated pair is selected if it outranks the selected one, or if the client has not confirmed that one,
//     by nominating it or sending data over it, within the last 3 s. Nominating a pair again, while the data keeps
//     coming over the selected one, is mere habit.
//   - Data that arrives over another nominated pair moves the path there: at once if that pair outranks the selected one,
//     else when the selected one has carried none for 200 ms, so that stragglers do not toss the path to and fro.
//   - A selected pair that is silent for Config.Dead gives way to a nominated one that is not. A lost one gives way at once.
//   - While nothing is nominated, a pair with a verified check is good enough: a client may start DTLS before it nominates.
//   - Any nomination of a newer generation beats all older ones: the client restarted ICE because it wants another path.
//   - A check of a newer generation is enough where the selected pair has been silent for a second: a browser takes over a
//     second more to nominate, and it has said that the old path is no good.
//
// A pair outranks another by its generation, then UDP outranks TCP, then the higher PRIORITY counts.
const (
	confirmed = 3 * time.Second
	settled   = 200 * time.Millisecond
	doubted   = time.Second
)

const (
	maxUDP = 8 // UDP pairs of a session; the one silent for longest goes
	maxTCP = 4 // TCP connections of a session; Evict names those to close
	// hardMaxTCP bounds the memory if nobody calls Evict.
	hardMaxTCP = 2 * maxTCP
)

// Pair is a path over which a verified check came. Times are zero for what never happened.
type Pair struct {
	Path
	Priority    uint32    // the client's PRIORITY
	NominatedAt time.Time // the last USE-CANDIDATE
	LastSeen    time.Time // the last authentic packet of any kind
	LastData    time.Time // the last authentic DTLS or SRTP
	Selected    bool      // in the answer of Pairs alone

	generation uint32 // under which it was last nominated or, if it never was, checked
}

func (x *Pair) nominated() bool { return !x.NominatedAt.IsZero() }

// confirmedAt is when the client last showed that it wants this pair.
func (x *Pair) confirmedAt() time.Time {
	if x.LastData.After(x.NominatedAt) {
		return x.LastData
	}
	return x.NominatedAt
}

func (x *Pair) outranks(y *Pair) bool {
	switch {
	case x.generation != y.generation:
		return x.generation > y.generation
	case x.Transport != y.Transport:
		return x.Transport == UDP
	default:
		return x.Priority > y.Priority
	}
}

// replaces says whether x can take over when y falls silent.
func (x *Pair) replaces(y *Pair) bool { return x != y && x.nominated() && x.LastSeen.After(y.LastSeen) }

// Selected is the path on which to send; false while there is none.
func (a *Agent) Selected() (Path, bool) {
	if a.selected == nil {
		return Path{}, false
	}
	return a.selected.Path, true
}

// Knows says whether a verified check came over p, so that what else comes over it may be read.
func (a *Agent) Knows(p Path) bool { return a.find(p) != nil }

// Pairs lists the verified pairs, the oldest first.
func (a *Agent) Pairs() []Pair {
	list := make([]Pair, 0, len(a.pairs))
	for _, p := range a.pairs {
		pair := *p
		pair.Selected = p == a.selected
		list = append(list, pair)
	}
	return list
}

// Lost tells that p is gone for good: its TCP connection ended. It is true if another path took its place; if none could,
// Selected says so until the client comes back.
func (a *Agent) Lost(p Path) (moved bool) {
	pair := a.find(p)
	if pair == nil {
		return false
	}
	wasSelected := pair == a.selected
	a.remove(pair)
	return wasSelected && a.selected != nil
}

// Tick leaves a path that fell silent. It is to be called when Deadline comes.
func (a *Agent) Tick(now time.Time) (moved bool) {
	before := a.selected
	a.ticked = now
	a.leaveDead(now)
	return a.selected != before
}

// Evict names a TCP connection to close while the session has more than four: the oldest that was never nominated, or else
// the one silent for longest; never the selected or the newest. The pair is forgotten already.
func (a *Agent) Evict() (Path, bool) {
	if a.count(TCP) <= maxTCP {
		return Path{}, false
	}
	victim := a.victim(TCP)
	a.remove(victim)
	return victim.Path, true
}

// victim is the pair of a transport that will be missed least. There must be at least three pairs of it.
func (a *Agent) victim(t Transport) *Pair {
	var candidates []*Pair
	for _, p := range a.pairs {
		if p.Transport == t {
			candidates = append(candidates, p)
		}
	}
	candidates = candidates[:len(candidates)-1] // the newest may be the client's only way back
	candidates = slices.DeleteFunc(candidates, func(p *Pair) bool { return p == a.selected })
	if i := slices.IndexFunc(candidates, func(p *Pair) bool { return !p.nominated() }); i >= 0 && t == TCP {
		return candidates[i]
	}
	return slices.MinFunc(candidates, func(x, y *Pair) int { return x.LastSeen.Compare(y.LastSeen) })
}

func (a *Agent) count(t Transport) (n int) {
	for _, p := range a.pairs {
		if p.Transport == t {
			n++
		}
	}
	return n
}

func (a *Agent) find(p Path) *Pair {
	for _, pair := range a.pairs {
		if pair.Path == p {
			return pair
		}
	}
	return nil
}

// pairOf finds the pair of a path or adds it, within the bounds.
func (a *Agent) pairOf(now time.Time, p Path) *Pair {
	if pair := a.find(p); pair != nil {
		return pair
	}
	a.removeRedialled(p)
	pair := &Pair{Path: p, LastSeen: now}
	a.pairs = append(a.pairs, pair)
	if p.Transport == UDP && a.count(UDP) > maxUDP || p.Transport == TCP && a.count(TCP) > hardMaxTCP {
		a.remove(a.victim(p.Transport))
	}
	return pair
}

// removeRedialled forgets the connection whose addresses a newer one has: it cannot be alive any more.
func (a *Agent) removeRedialled(p Path) {
	for _, old := range a.pairs {
		if p.Transport == TCP && old.Transport == TCP && old.Local == p.Local && old.Remote == p.Remote {
			a.remove(old)
			return
		}
	}
}

// remove forgets a pair and, if it was the selected one, selects the best of the others.
func (a *Agent) remove(pair *Pair) {
	a.pairs = slices.DeleteFunc(a.pairs, func(p *Pair) bool { return p == pair })
	if a.selected == pair {
		a.selected = a.best(a.heard)
	}
}

// nominate applies USE-CANDIDATE on a pair.
func (a *Agent) nominate(now time.Time, pair *Pair) {
	last := pair.NominatedAt
	pair.NominatedAt = now
	s := a.selected
	if s == nil || !s.nominated() || a.dead(now, s) || pair.generation > s.generation {
		a.selected = pair
		return
	}
	mereHabit := now.Sub(last) <= confirmed && s.LastData.After(last)
	switch {
	case pair.generation < s.generation, mereHabit:
	case pair.outranks(s), now.Sub(s.confirmedAt()) > confirmed:
		a.selected = pair
	}
}

// follow moves to the pair over which the client sends its data.
func (a *Agent) follow(now time.Time, pair *Pair) {
	s := a.selected
	switch {
	case s == nil, !s.nominated(), a.dead(now, s):
		a.selected = pair
	case !pair.nominated(), pair.generation < s.generation:
	case pair.outranks(s), now.Sub(s.LastData) >= settled:
		a.selected = pair
	}
}

// leaveDead gives up a selected pair that is silent, if there is a better one.
func (a *Agent) leaveDead(now time.Time) {
	if s := a.selected; s == nil || !a.dead(now, s) {
		return
	}
	if best := a.best(now); best != nil && (best.nominated() || !a.selected.nominated()) {
		a.selected = best
	}
}

// open says whether a pair with no more than a verified check may be selected.
func (a *Agent) open(now time.Time, pair *Pair) bool {
	s := a.selected
	return s == nil || pair.generation > s.generation && now.Sub(s.LastSeen) >= doubted
}

func (a *Agent) dead(now time.Time, pair *Pair) bool {
	return now.Sub(pair.LastSeen) >= a.config.Dead
}

// best is the pair to use when the choice is free: a nominated one if there is any, then by rank, then the one nominated
// last. Silent ones do not count; nil if there are no others.
func (a *Agent) best(now time.Time) (best *Pair) {
	for _, p := range a.pairs {
		if !a.dead(now, p) && (best == nil || p.preferredTo(best)) {
			best = p
		}
	}
	return best
}

func (x *Pair) preferredTo(y *Pair) bool {
	switch {
	case x.nominated() != y.nominated():
		return x.nominated()
	case x.outranks(y):
		return true
	case y.outranks(x):
		return false
	default:
		return x.NominatedAt.After(y.NominatedAt)
	}
}
