// Package stream is the place where one publisher's packets meet its many readers.
//
// Locks are taken in one order, a reader's before its stream's; the hub's is never held together with another. None is
// held while a Publisher or a Waker is called. Times given to the package and those of its timers are of one clock, that
// of time.Now.
package stream

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

var (
	// ErrBusy says that a publisher that is still sending holds the stream.
	ErrBusy = errors.New("stream: another publisher is sending")
	// ErrFull says that a cap of the configuration is reached.
	ErrFull = errors.New("stream: too many")
)

// BusyError is ErrBusy, and says how long the other one has to send nothing, nor find a path, from now on for a newcomer to take its
// place.
type BusyError struct{ Silence time.Duration }

func (e *BusyError) Error() string { return ErrBusy.Error() }
func (e *BusyError) Unwrap() error { return ErrBusy }

// Name tells streams apart.
type Name struct{ Vhost, App, Stream string }

const defaultVhost = "__defaultVhost__"

// String is the stream's URL path, with the vhost before it unless that is the default one.
func (n Name) String() string {
	if n.Vhost == defaultVhost || n.Vhost == "" {
		return "/" + n.App + "/" + n.Stream
	}
	return "/" + n.Vhost + "/" + n.App + "/" + n.Stream
}

// Publisher is what a stream asks of the session that feeds it. The methods are called with no lock of this
// package held, from any goroutine, and must not block.
type Publisher interface {
	RequestKeyframe() // already coalesced per stream
	// Alive is how long it will have a way to send if nothing changes; with none left a newcomer may replace it.
	Alive(now time.Time) time.Duration
	Replaced() // told once, that another took its place
}

// Forever is what Alive says of a publisher that has a way to send.
const Forever time.Duration = math.MaxInt64

// Waker learns that a stream has something to read. It must be comparable; a pointer is.
type Waker interface {
	Wake(*Stream) // once per batch, however many readers share the waker; must not block, nor call Push
}

// Hub finds streams by name. A stream lives as long as it has a publisher or a reader.
type Hub struct {
	config Config

	mu      sync.Mutex
	streams map[Name]*Stream
	readers int // of all streams, at most config.MaxReaders
}

// NewHub makes a hub without streams.
func NewHub(c Config) *Hub {
	return &Hub{config: c, streams: map[Name]*Stream{}}
}

// Publish begins a publication of packets. While another one holds the name and is alive the error is a BusyError; a dead one
// is replaced, and its readers go on with the new one.
func (h *Hub) Publish(now time.Time, name Name, pub Publisher) (*Publication, error) {
	return h.publish(now, name, &Publication{publisher: pub})
}

// PublishFrames is Publish for a publisher that has frames, for PushFrame.
func (h *Hub) PublishFrames(now time.Time, name Name, pub Publisher) (*Publication, error) {
	return h.publish(now, name, &Publication{publisher: pub, writes: frames})
}

func (h *Hub) publish(now time.Time, name Name, p *Publication) (*Publication, error) {
	s, err := h.acquire(name, 0)
	if err != nil {
		return nil, err
	}
	old, err := s.publish(now, p)
	if err != nil {
		h.release(s, 0)
		return nil, fmt.Errorf("%w to %v", err, name)
	}
	if old != nil {
		h.release(s, 0)
		old.publisher.Replaced()
	}
	s.startBridges()
	s.wakeFrames()
	if told := h.config.Published; told != nil {
		told(name)
	}
	return p, nil
}

// Subscribe adds a reader to the stream, which need not be published yet. The waker may be nil. The error is ErrFull.
func (h *Hub) Subscribe(now time.Time, name Name, w Waker) (*Reader, error) {
	s, err := h.acquire(name, 1)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.wakers = withWaker(s.wakers, w)
	s.join(packets)
	r := &Reader{stream: s, waker: w, since: now, counts: 1, broken: s.demands[packets].broken}
	s.mu.Unlock()
	s.startBridges()
	return r, nil
}

// acquire finds or makes the stream, for a publication or for a reader, which keeps it alive until release.
func (h *Hub) acquire(name Name, readers int) (*Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers+readers > h.config.MaxReaders {
		return nil, fmt.Errorf("%w viewers, the most are %d", ErrFull, h.config.MaxReaders)
	}
	s := h.streams[name]
	if s == nil {
		if len(h.streams) >= h.config.MaxStreams {
			return nil, fmt.Errorf("%w streams, the most are %d", ErrFull, h.config.MaxStreams)
		}
		s = newStream(h, name, newID())
		h.streams[name] = s
	}
	s.users++
	s.readers += readers
	h.readers += readers
	return s, nil
}

// retain keeps a stream alive that somebody else keeps alive now.
func (h *Hub) retain(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.users++
}

func (h *Hub) release(s *Stream, readers int) {
	h.mu.Lock()
	h.readers -= readers
	s.readers -= readers
	s.users--
	last := s.users == 0
	if last {
		delete(h.streams, s.name)
	}
	h.mu.Unlock()
	if last {
		s.stop()
	}
}

// newID makes an identifier in the shape that SRS gives its streams.
func newID() string { return "vid-" + strings.ToLower(rand.Text()[:7]) }
