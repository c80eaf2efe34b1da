package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// load is one run: publishers, their viewers, and what is known of them.
type load struct {
	opt    Options
	way    way
	shared *shared
	server *process // nil: not measured

	publishers []*publisher
	ended      chan error // why a publisher ended by itself
	joining    phase
	series     []Sample // the sampler's

	mu       sync.Mutex // guards what follows
	viewers  []player
	verified int // viewers that decrypt
	joins    []time.Duration
	failed   map[string]int
	rss      memory  // when the first tenth had joined
	base     reading // what viewers had counted when the measurement began
}

// publisher sends one stream.
type publisher struct {
	*Client
	run  uint32
	end  context.CancelFunc
	done chan struct{}
}

// memory is the server's at a number of viewers.
type memory struct {
	viewers int
	kb      float64
}

// phase is a part of the run and what was used and received in it.
type phase struct{ from, to reading }

// joinTimeout bounds a join, from the POST to the first packet.
const joinTimeout = 15 * time.Second

func newLoad(o Options) (*load, error) {
	l := &load{opt: o, way: o.way(), ended: make(chan error, o.Streams), failed: make(map[string]int)}
	var err error
	if l.shared, err = newShared(); err != nil {
		return nil, err
	}
	if o.PID != 0 {
		if l.server, err = openProcess(o.PID); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// wanted is how many viewers there shall be.
func (l *load) wanted() int { return l.opt.N * l.opt.Streams }

// publish starts the streams and lets them flow for a moment, so that viewers find them live.
func (l *load) publish(ctx context.Context) error {
	if l.opt.WHIP == "" {
		return nil
	}
	const settle = 500 * time.Millisecond
	for i := range l.opt.Streams {
		if err := l.publishOne(ctx, i); err != nil {
			if l.opt.Streams > 1 {
				err = fmt.Errorf("stream %d of %d: %w", i+1, l.opt.Streams, err)
			}
			return err
		}
	}
	wait(ctx, settle)
	for _, p := range l.publishers {
		if err := p.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) publishOne(ctx context.Context, stream int) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	o := ClientOptions{Role: Publish, Net: l.opt.PubNet, Bearer: l.opt.Bearer, SRTP: l.opt.SRTP, shared: l.shared}
	c, err := Dial(ctx, streamURL(l.opt.WHIP, stream, l.opt.Streams), o)
	if err != nil {
		return err
	}
	streaming, end := context.WithCancel(context.Background())
	p := &publisher{Client: c, run: uint32(random()) | 1, end: end, done: make(chan struct{})}
	l.publishers = append(l.publishers, p)
	source := SourceOptions{KBPS: l.opt.KBPS, FPS: l.opt.FPS, Pace: l.opt.Pace, Uneven: l.opt.Uneven, Run: p.run}
	go func() {
		defer close(p.done)
		if err := c.Publish(streaming, source); err != nil {
			l.ended <- err
		}
	}()
	return nil
}

// join starts the viewers at the pace of the ramp, and returns when each has joined or failed.
func (l *load) join(ctx context.Context) {
	l.sampleMemory()
	l.joining.from = l.read()
	var joining sync.WaitGroup
	start := time.Now()
	for i := range l.wanted() {
		wait(ctx, time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(l.opt.Ramp))))
		if ctx.Err() != nil {
			break
		}
		joining.Go(func() { l.joinOne(ctx, i) })
	}
	joining.Wait()
	l.joining.to = l.read()
}

// joinOne lets one viewer in, of each stream in turn.
func (l *load) joinOne(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, l.way.join)
	defer cancel()
	verify := l.opt.Verify > 0 && i%l.opt.Verify == 0
	v, err := l.way.dial(l, ctx, i%l.opt.Streams, verify)
	if err != nil {
		l.fail(err)
		return
	}
	select {
	case <-v.Started():
		err = v.Err()
	case <-ctx.Done():
		err = ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("connected, but no media within %v", l.way.join)
		}
	}
	if err != nil {
		l.fail(err)
		_ = v.Close()
		return
	}
	l.mu.Lock()
	l.viewers = append(l.viewers, v)
	l.joins = append(l.joins, v.JoinTime())
	if verify {
		l.verified++
	}
	tenth := len(l.viewers) == l.wanted()/10
	l.mu.Unlock()
	if tenth {
		l.sampleMemory()
	}
}

// sampleMemory notes the server's memory as the base of its growth.
func (l *load) sampleMemory() {
	if l.server == nil {
		return
	}
	if kb, err := l.server.rss(); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rss = memory{len(l.viewers), kb}
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[reason(err)]++
}

func (l *load) joined() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.viewers)
}

// all returns the viewers that have joined so far.
func (l *load) all() []player {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]player(nil), l.viewers...)
}

// measure counts for the duration of the run, and sums up.
func (l *load) measure(ctx context.Context) Result {
	viewers := l.all()
	l.mu.Lock()
	l.base = l.readLocked()
	l.base.measuring = true
	for _, v := range viewers {
		v.ResetStats()
	}
	l.mu.Unlock()
	for _, p := range l.publishers {
		p.tx.late.Store(0)
	}
	before := l.costs()
	select {
	case <-ctx.Done():
	case err := <-l.ended:
		fmt.Fprintf(l.opt.Progress, "bench: a publisher ended: %v\n", err)
	case <-time.After(l.opt.Duration):
	}
	after := l.costs()
	return l.sum(viewers, before, after)
}

// close ends every session, 64 at a time.
func (l *load) close() {
	places := make(chan struct{}, 64)
	var closing sync.WaitGroup
	do := func(end func()) {
		places <- struct{}{}
		closing.Go(func() {
			end()
			<-places
		})
	}
	for _, v := range l.all() {
		do(func() { _ = v.Close() }) // the result stands, whatever a DELETE brings
	}
	closing.Wait()
	for _, p := range l.publishers {
		do(func() {
			p.end()
			<-p.done
			_ = p.Close()
		})
	}
	closing.Wait()
}

// wait sleeps, unless ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
