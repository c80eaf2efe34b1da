package rtc

import (
	"math/rand/v2"
	"time"

	"oneport/ice"
)

type direction int

const (
	toServer direction = iota
	toClient
)

// network carries datagrams both ways. With loss, twice and delay it is like UDP; as a stream it is like TCP: framed,
// in order, complete, and cut anywhere.
type network struct {
	rng    *rand.Rand
	loss   float64
	twice  float64 // how often a datagram arrives twice
	delay  time.Duration
	stream bool
	flying [2][]datagram
	bytes  [2][]byte // of a stream, not yet parted into frames
}

type datagram struct {
	due time.Time
	b   []byte
}

func perfect() *network { return &network{rng: rand.New(rand.NewPCG(1, 2))} }

// lossy is a bad network, each seed in its own way.
func lossy(seed uint64) *network {
	return &network{rng: rand.New(rand.NewPCG(seed, 2)), loss: 0.2, twice: 0.1, delay: 30 * time.Millisecond}
}

func stream(seed uint64) *network {
	return &network{rng: rand.New(rand.NewPCG(seed, 3)), stream: true}
}

func (n *network) send(now time.Time, to direction, b []byte) {
	b = append([]byte(nil), b...)
	if n.stream {
		for rest := ice.AppendFrame(nil, b); len(rest) > 0; {
			cut := 1 + n.rng.IntN(len(rest))
			n.flying[to] = append(n.flying[to], datagram{now, rest[:cut]})
			rest = rest[cut:]
		}
		return
	}
	if n.rng.Float64() < n.loss {
		return
	}
	for copies := 1; copies > 0; copies-- {
		due := now
		if n.delay > 0 {
			due = now.Add(time.Duration(n.rng.Int64N(int64(n.delay))))
		}
		n.flying[to] = append(n.flying[to], datagram{due, b})
		if n.rng.Float64() < n.twice {
			copies++
		}
	}
}

// arrived takes what has come.
func (n *network) arrived(now time.Time, to direction) (list [][]byte) {
	rest := n.flying[to][:0:0]
	for _, d := range n.flying[to] {
		switch {
		case d.due.After(now):
			rest = append(rest, d)
		case n.stream:
			n.bytes[to] = append(n.bytes[to], d.b...)
		default:
			list = append(list, d.b)
		}
	}
	n.flying[to] = rest
	for n.stream {
		frame, left, err := ice.NextFrame(n.bytes[to])
		if err != nil {
			panic(err) // a network of ours that breaks frames
		}
		if frame == nil {
			break
		}
		list, n.bytes[to] = append(list, frame), left
	}
	return list
}
