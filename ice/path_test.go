package ice

import (
	"testing"
	"time"
)

// event is what happens on a path in a story.
type event uint8

const (
	check    event = iota // a verified check
	nominate              // a verified check with USE-CANDIDATE
	data                  // authentic SRTP or DTLS
	lost                  // the TCP connection ended
	tick                  // nothing but time
)

type step struct {
	at    float64 // seconds
	event event
	path  string
	want  string // the selected path after it; empty: none
}

var storyPaths = map[string]Path{
	"udp": udp1, "udp2": udpPath(1002),
	"tcp1": tcpPath(1), "tcp2": tcpPath(2), "tcp3": tcpPath(3),
	// The same client port dialled again: only Conn differs.
	"tcp1 again": {Transport: TCP, Local: tcp1.Local, Remote: tcp1.Remote, Conn: 99},
}

// priorities are like libwebrtc's for peer-reflexive candidates. tcp2 and tcp3 are equals below tcp1.
var priorities = map[string]uint32{"udp": 110 << 24, "udp2": 110<<24 + 1, "tcp1": 80<<24 + 9, "tcp1 again": 80<<24 + 9, "tcp2": 80 << 24, "tcp3": 80 << 24}

var stories = []struct {
	name  string
	steps []step
}{
	{"a check is good enough until something is nominated", []step{
		{0, data, "tcp1", ""},
		{0, check, "tcp1", "tcp1"},
		{0.1, check, "udp", "tcp1"},
		{0.2, data, "udp", "udp"},
		{0.3, nominate, "tcp1", "tcp1"},
		{0.4, check, "udp", "tcp1"},
		{0.5, data, "udp", "tcp1"},
	}},
	{"UDP outranks TCP, and a higher PRIORITY a lower one", []step{
		{0, nominate, "tcp2", "tcp2"},
		{0.1, nominate, "tcp1", "tcp1"},
		{0.2, nominate, "udp", "udp"},
		{0.3, nominate, "udp2", "udp2"},
		{0.4, nominate, "udp", "udp2"},
		{0.5, nominate, "tcp1", "udp2"},
	}},
	{"several TCP connections nominated alike: media decides", []step{
		{0, nominate, "tcp2", "tcp2"},
		{0.1, nominate, "tcp3", "tcp2"},
		{0.2, data, "tcp3", "tcp3"},
		{2.5, nominate, "tcp2", "tcp3"},
		{2.6, nominate, "tcp3", "tcp3"},
		{2.7, nominate, "tcp1", "tcp1"},
		{2.8, data, "tcp3", "tcp3"},
		{5.2, nominate, "tcp1", "tcp3"}, // mere habit, though it outranks
		{5.3, data, "tcp1", "tcp1"},
	}},
	{"UDP dies and the client nominates TCP, sending over it", []step{
		{0, nominate, "udp", "udp"},
		{0, nominate, "tcp1", "udp"},
		{1, data, "udp", "udp"},
		{1.1, data, "tcp1", "udp"}, // UDP carried data just now
		{1.2, data, "tcp1", "tcp1"},
	}},
	{"UDP dies and a silent client nominates TCP", []step{
		{0, nominate, "udp", "udp"},
		{2, nominate, "tcp1", "udp"},
		{2.9, nominate, "tcp1", "udp"},
		{3, tick, "", "tcp1"},
	}},
	{"UDP dies while TCP is only checked: nothing to move to until it is nominated", []step{
		{0, nominate, "udp", "udp"},
		{2, check, "tcp1", "udp"},
		{4, check, "tcp1", "udp"},
		{4.1, tick, "", "udp"},
		{4.2, nominate, "tcp1", "tcp1"},
	}},
	{"UDP dies and comes back", []step{
		{0, nominate, "udp", "udp"},
		{0, nominate, "tcp1", "udp"},
		{2.5, nominate, "tcp1", "udp"},
		{3, nominate, "tcp1", "tcp1"},
		{5, check, "udp", "tcp1"},
		{6, data, "udp", "udp"},
	}},
	{"stragglers on TCP do not take the path back from UDP", []step{
		{0, nominate, "tcp1", "tcp1"},
		{0.1, data, "tcp1", "tcp1"},
		{1, nominate, "udp", "udp"},
		{1.001, data, "udp", "udp"},
		{1.002, data, "tcp1", "udp"},
		{1.15, data, "udp", "udp"},
		{1.3, data, "tcp1", "udp"},
	}},
	{"a client that stops confirming a pair has left it", []step{
		{0, nominate, "udp", "udp"},
		{1, check, "udp", "udp"},
		{2.9, check, "udp", "udp"},
		{3, nominate, "tcp1", "udp"},
		{3.1, nominate, "tcp1", "tcp1"},
	}},
	{"data confirms a pair as a nomination does", []step{
		{0, nominate, "udp", "udp"},
		{4, data, "udp", "udp"},
		{5, nominate, "tcp1", "udp"},
	}},
	{"a path is lost and comes back on a new connection", []step{
		{0, nominate, "tcp1", "tcp1"},
		{1, lost, "tcp1", ""},
		{1.1, data, "tcp2", ""},
		{1.5, check, "tcp2", "tcp2"},
		{1.6, nominate, "tcp2", "tcp2"},
	}},
	{"dialled again from the same port before the end of the old connection is seen", []step{
		{0, nominate, "tcp1", "tcp1"},
		{1, data, "tcp1 again", "tcp1"},
		{1.1, check, "tcp1 again", "tcp1 again"},
		{1.2, lost, "tcp1", "tcp1 again"},
		{1.3, nominate, "tcp1 again", "tcp1 again"},
	}},
	{"a lost connection leaves the best of the living", []step{
		{0, nominate, "udp", "udp"},
		{4, nominate, "tcp1", "tcp1"},
		{4, nominate, "tcp2", "tcp1"},
		{4, check, "udp2", "tcp1"},
		{5, lost, "tcp1", "tcp2"},
		{5, lost, "tcp2", "udp2"},
	}},
	{"a lost connection that was not selected changes nothing", []step{
		{0, nominate, "udp", "udp"},
		{0, nominate, "tcp1", "udp"},
		{1, lost, "tcp1", "udp"},
		{1, lost, "tcp1", "udp"},
	}},
	{"UDP dies before anything is nominated", []step{
		{0, check, "udp", "udp"},
		{2, check, "tcp1", "udp"},
		{3, check, "tcp1", "tcp1"},
	}},
	{"a mere check of a nominated pair is enough when the selected one is dead", []step{
		{0, nominate, "udp", "udp"},
		{0, nominate, "tcp1", "udp"},
		{2.9, check, "tcp1", "udp"},
		{3, check, "tcp1", "tcp1"},
	}},
	{"data over a pair that was only checked counts when the selected one is dead", []step{
		{0, nominate, "udp", "udp"},
		{1, check, "tcp1", "udp"},
		{2.9, data, "tcp1", "udp"},
		{3, data, "tcp1", "tcp1"},
	}},
	{"of equals the one nominated last takes over", []step{
		{0, nominate, "tcp1", "tcp1"},
		{0, nominate, "tcp2", "tcp1"},
		{0.1, nominate, "tcp3", "tcp1"},
		{0.2, lost, "tcp1", "tcp3"},
	}},
	{"a silent pair stays if there is no other", []step{
		{0, nominate, "udp", "udp"},
		{20, tick, "", "udp"},
	}},
}

func TestStories(t *testing.T) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			a := NewAgent(epoch, serverCreds, clientCreds, Config{})
			for i, s := range story.steps {
				before, _ := a.Selected()
				moved := tell(a, s)
				got, ok := a.Selected()
				if want, some := storyPaths[s.want]; got != want || ok != some {
					t.Fatalf("step %d (%+v): selected %+v, %v", i, s, got, ok)
				}
				if changed := got != before && ok; moved != changed {
					t.Fatalf("step %d (%+v): moved is %v", i, s, moved)
				}
			}
		})
	}
}

func tell(a *Agent, s step) (moved bool) {
	now := epoch.Add(time.Duration(s.at * float64(time.Second)))
	path := storyPaths[s.path]
	switch s.event {
	case data:
		return a.Authenticated(now, path)
	case lost:
		return a.Lost(path)
	case tick:
		return a.Tick(now)
	}
	_, v := a.Receive(now, path, request(serverCreds, priorities[s.path], s.event == nominate))
	return v.Moved
}

// TestLateTick asks so late that both paths are silent: that must not be asked again and again.
func TestLateTick(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{})
	a.Receive(epoch, udp1, request(serverCreds, 1, true))
	a.Receive(epoch.Add(time.Second), tcp1, request(serverCreds, 1, true))
	if a.Tick(epoch.Add(5 * time.Second)) {
		t.Error("moved to a path that is silent, too")
	}
	if end := a.Deadline(); !end.Equal(epoch.Add(31 * time.Second)) {
		t.Errorf("deadline %v", end)
	}
}

// TestTickIsEnough has nobody speak after a path died: the deadlines alone must lead to the living one.
func TestTickIsEnough(t *testing.T) {
	a := NewAgent(epoch, serverCreds, clientCreds, Config{Dead: 2 * time.Second})
	a.Receive(epoch, udp1, request(serverCreds, 1, true))
	a.Receive(epoch.Add(time.Second), tcp1, request(serverCreds, 1, true))
	dead := a.Deadline()
	if !dead.Equal(epoch.Add(2 * time.Second)) {
		t.Fatalf("deadline %v", dead)
	}
	if a.Tick(dead.Add(-1)) || !a.Tick(dead) {
		t.Error("moved too early or not at all")
	}
	if end := a.Deadline(); !end.Equal(epoch.Add(31 * time.Second)) {
		t.Errorf("deadline after the move %v", end)
	}
}
