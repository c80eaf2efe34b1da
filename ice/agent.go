package ice

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says how patient and how strict an agent is. What is 0 has a default.
type Config struct {
	// Timeout ends a session from which nothing authentic arrived for so long.
	Timeout time.Duration `conf:"stun_timeout" default:"30" unit:"s" doc:"A session that sends nothing for so long is over."`
	// Strict refuses clients that say they are controlled, too. They contradict RFC 8445, but some do it and work.
	Strict bool `conf:"stun_strict_check" default:"off" doc:"Refuse clients whose ICE role is controlled, like the server's."`

	FirstCheck time.Duration // ends a session without any verified check; 15 s
	Dead       time.Duration // a path silent for so long gives way to a nominated one that is not; 3 s
}

// Check finds a time with which no session would last.
func (c Config) Check() error {
	if c.Timeout <= 0 {
		return errors.New("stun_timeout must be greater than 0")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.FirstCheck <= 0 {
		c.FirstCheck = 15 * time.Second
	}
	if c.Dead <= 0 {
		c.Dead = 3 * time.Second
	}
	return c
}

// Verdict says what a STUN message meant. Err tells why it had no effect; the message is then to be counted, no more.
type Verdict struct {
	Verified  bool // an authentic check: the path's address belongs to this session from now on
	Nominated bool // and the client nominated the path
	Moved     bool // another path is selected now than before
	Restarted bool // and an ICE restart is complete: Ufrags has lost the old one
	Err       error
}

// generation is what an ICE restart replaces.
type generation struct {
	number uint32
	local  Credentials
	key    key
}

// Agent is one session's lite agent (RFC 8445 section 2.5): it never sends a check of its own, it is always controlled,
// and it believes nothing that is not sealed with its password. It is not safe for concurrent use.
type Agent struct {
	config    Config
	current   generation
	previous  *generation // the one in use, while a restart is not complete; else nil
	remote    Credentials
	started   time.Time
	restarted time.Time
	heard     time.Time // when anything authentic last arrived; zero: never
	pairs     []*Pair   // verified ones, oldest first; at most maxUDP and hardMaxTCP of each transport
	selected  *Pair     // one of pairs, or nil
	ticked    time.Time // the last Tick
}

// NewAgent makes the agent of a session that begins now.
func NewAgent(now time.Time, local, remote Credentials, c Config) *Agent {
	return &Agent{
		config:  c.withDefaults(),
		current: generation{local: local, key: newKey(local.Pwd)},
		remote:  remote,
		started: now,
	}
}

// Remote is the client's half of the session.
func (a *Agent) Remote() Credentials { return a.remote }

// Ufrags lists the local ufrags under which checks are accepted, the newest first.
func (a *Agent) Ufrags() []string {
	list := []string{a.current.local.Ufrag}
	if a.previous != nil {
		list = append(list, a.previous.local.Ufrag)
	}
	return list
}

// Restart begins an ICE restart (RFC 8445 section 9). The credentials in use stay valid until a pair is nominated under
// the new ones. Those of an earlier restart that was never completed end at once.
func (a *Agent) Restart(now time.Time, local, remote Credentials) {
	if a.previous == nil {
		inUse := a.current
		a.previous = &inUse
	}
	a.current = generation{number: a.current.number + 1, local: local, key: newKey(local.Pwd)}
	a.remote = remote
	a.restarted = now
}

// Receive takes a STUN message that came over p. A reply is to be sent back over p whatever the verdict says.
func (a *Agent) Receive(now time.Time, p Path, msg []byte) (reply []byte, v Verdict) {
	m, err := parse(msg)
	if err != nil {
		return nil, Verdict{Err: err}
	}
	if m.kind != bindingRequest && m.kind != bindingIndication {
		return nil, Verdict{Err: ErrUnexpected}
	}
	g, err := a.authenticate(&m)
	switch {
	case m.kind == bindingIndication:
		if err == nil {
			a.refresh(now, p)
		}
		return nil, Verdict{} // keepalives have no integrity as a rule, which is no fault of theirs
	case err != nil:
		return nil, Verdict{Err: err}
	case m.unknowns > 0:
		return errorReply(&g.key, &m, 420, "Unknown Attribute"), Verdict{Err: ErrUnsupported}
	case m.controlled && a.config.Strict:
		return errorReply(&g.key, &m, 487, "Role Conflict"), Verdict{Err: ErrRole}
	}
	return successReply(&g.key, &m, p.Remote), a.check(now, p, &m, g)
}

// authenticate finds the generation whose ufrag the message names and whose password sealed it. The client's own ufrag
// behind the colon is not compared: the password proves more, and a client that restarts may be ahead of its offer.
func (a *Agent) authenticate(m *message) (*generation, error) {
	ufrag, ok := m.localUfrag()
	var g *generation
	switch {
	case !ok:
		return nil, ErrUfrag
	case string(ufrag) == a.current.local.Ufrag:
		g = &a.current
	case a.previous != nil && string(ufrag) == a.previous.local.Ufrag:
		g = a.previous
	default:
		return nil, ErrUfrag
	}
	if !g.key.verifies(m) {
		return nil, ErrIntegrity
	}
	return g, nil
}

// check takes in a verified Binding request. One without PRIORITY counts as the lowest.
func (a *Agent) check(now time.Time, p Path, m *message, g *generation) Verdict {
	before := a.selected
	pair := a.pairOf(now, p)
	pair.Priority = m.priority
	if m.nominate || !pair.nominated() {
		pair.generation = max(pair.generation, g.number)
	}
	a.touch(now, pair)
	v := Verdict{Verified: true, Nominated: m.nominate}
	if m.nominate {
		a.nominate(now, pair)
		if a.previous != nil && g.number == a.current.number {
			a.previous = nil
			v.Restarted = true
		}
	} else if a.open(now, pair) {
		a.selected = pair
	}
	a.leaveDead(now)
	v.Moved = a.selected != before
	return v
}

// Authenticated tells that DTLS or SRTP which proved authentic arrived over p. It is true if p is selected because of it.
// What comes over a path without a verified check has no effect.
func (a *Agent) Authenticated(now time.Time, p Path) (moved bool) {
	pair := a.refresh(now, p)
	if pair == nil {
		return false
	}
	before := a.selected
	a.follow(now, pair)
	pair.LastData = now
	a.leaveDead(now)
	return a.selected != before
}

// refresh notes a sign of life of a known pair; nil if it is not known.
func (a *Agent) refresh(now time.Time, p Path) *Pair {
	pair := a.find(p)
	if pair != nil {
		a.touch(now, pair)
	}
	return pair
}

func (a *Agent) touch(now time.Time, pair *Pair) {
	pair.LastSeen = now
	a.heard = now
}

// Why a session expired.
var (
	ErrNoCheck = errors.New("ice: no valid connectivity check arrived")
	ErrSilent  = errors.New("ice: the client fell silent")
)

// Deadline is when Tick and Expired are to be called next. It may change with every call that takes the time. After a Tick
// it is in the future, or else the session has expired.
func (a *Agent) Deadline() time.Time {
	end := a.end()
	s := a.selected
	if s == nil || !slices.ContainsFunc(a.pairs, func(p *Pair) bool { return p.replaces(s) }) {
		return end
	}
	if dead := s.LastSeen.Add(a.config.Dead); dead.Before(end) && dead.After(a.ticked) {
		return dead
	}
	return end
}

// end is when the session expires if nothing arrives. A restart gives a silent client as long as a new one has.
func (a *Agent) end() time.Time {
	if a.heard.IsZero() {
		return a.started.Add(a.config.FirstCheck)
	}
	end := a.heard.Add(a.config.Timeout)
	if again := a.restarted.Add(a.config.FirstCheck); again.After(end) {
		return again
	}
	return end
}

// Expired gives the reason why the session is over, or nil.
func (a *Agent) Expired(now time.Time) (reason error) {
	switch {
	case now.Before(a.end()):
		return nil
	case a.heard.IsZero():
		return fmt.Errorf("%w within %v", ErrNoCheck, a.config.FirstCheck)
	default:
		return fmt.Errorf("%w for %v", ErrSilent, now.Sub(a.heard).Round(time.Second))
	}
}
