package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// load is one run: a publisher, its viewers, and what is known of them.
type load struct {
	opt    Options
	shared *shared
	run    uint32
	server *process // nil: not measured

	publisher *Client
	endStream context.CancelFunc
	published chan error // what Publish returned

	mu      sync.Mutex // guards what follows
	viewers []*Client
	joins   []time.Duration
	failed  map[string]int
	rss     memory // when the first tenth had joined
}

// memory is the server's at a number of viewers.
type memory struct {
	viewers int
	kb      float64
}

// joinTimeout bounds a join, from the POST to the first packet.
const joinTimeout = 15 * time.Second

func newLoad(o Options) (*load, error) {
	l := &load{opt: o, run: uint32(random()) | 1, failed: make(map[string]int)}
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

// publish starts the stream and lets it flow for a moment, so that viewers find it live.
func (l *load) publish(ctx context.Context) error {
	if l.opt.WHIP == "" {
		return nil
	}
	const settle = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	c, err := Dial(ctx, l.opt.WHIP, ClientOptions{Role: Publish, Net: l.opt.Net, Bearer: l.opt.Bearer, shared: l.shared})
	if err != nil {
		return err
	}
	streaming, end := context.WithCancel(context.Background())
	l.publisher, l.endStream, l.published = c, end, make(chan error, 1)
	go func() {
		l.published <- c.Publish(streaming, SourceOptions{KBPS: l.opt.KBPS, FPS: l.opt.FPS, Run: l.run})
	}()
	wait(ctx, settle)
	return c.Err()
}

// join starts the viewers at the pace of the ramp, and returns when each has joined or failed.
func (l *load) join(ctx context.Context) {
	l.sampleMemory()
	var joining sync.WaitGroup
	start := time.Now()
	for i := range l.opt.N {
		wait(ctx, time.Until(start.Add(time.Duration(i)*time.Second/time.Duration(l.opt.Ramp))))
		if ctx.Err() != nil {
			break
		}
		joining.Go(func() { l.joinOne(ctx, i) })
	}
	joining.Wait()
}

func (l *load) joinOne(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	o := ClientOptions{Net: l.opt.Net, Bearer: l.opt.Bearer, Verify: l.opt.Verify > 0 && i%l.opt.Verify == 0, shared: l.shared}
	if l.opt.WHIP != "" {
		o.run = l.run
	}
	c, err := Dial(ctx, l.opt.WHEP, o)
	if err != nil {
		l.fail(err)
		return
	}
	select {
	case <-c.Started():
	case <-ctx.Done():
		err := ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("connected, but no media within %v", joinTimeout)
		}
		l.fail(err)
		_ = c.Close()
		return
	}
	l.mu.Lock()
	l.viewers = append(l.viewers, c)
	l.joins = append(l.joins, c.JoinTime())
	tenth := len(l.viewers) == l.opt.N/10
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
func (l *load) all() []*Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Client(nil), l.viewers...)
}

// measure counts for the duration of the run, and sums up.
func (l *load) measure(ctx context.Context) Result {
	viewers := l.all()
	for _, v := range viewers {
		v.ResetStats()
	}
	if l.publisher != nil {
		l.publisher.tx.late.Store(0)
	}
	before := l.costs()
	select {
	case <-ctx.Done():
	case err := <-l.published:
		l.published <- err // for close
		fmt.Fprintf(l.opt.Progress, "bench: the publisher ended: %v\n", err)
	case <-time.After(l.opt.Duration):
	}
	after := l.costs()
	r := l.sum(viewers)
	r.Seconds = after.at.Sub(before.at).Seconds()
	r.rates(before, after, l.opt.PID)
	l.memory(&r)
	return r
}

// sum adds up what the viewers have seen.
func (l *load) sum(viewers []*Client) Result {
	r := Result{Net: l.opt.Net, Viewers: l.opt.N, Joined: len(viewers), Lost: make(map[string]int)}
	var latency histogram
	for _, v := range viewers {
		s := v.Stats()
		r.Packets += s.Packets
		r.Bytes += s.Bytes
		r.Gaps += s.Gaps
		r.Late += s.Late
		r.Checked += s.Checked
		r.Wrong += s.Wrong
		r.Missing += s.Missing
		r.LongestStall = max(r.LongestStall, milliseconds(s.Stall))
		latency.merge(&s.latency)
		if v.opt.Verify {
			r.Verified++
		}
		if err := v.Err(); err != nil {
			r.Lost[reason(err)]++
		}
		r.SRTP = v.Profile()
	}
	if l.publisher != nil {
		r.SRTP = cmp.Or(r.SRTP, l.publisher.Profile())
		r.Behind = milliseconds(time.Duration(l.publisher.tx.late.Load()))
		if err := l.publisher.Err(); err != nil {
			r.Lost["the publisher, "+reason(err)]++
		}
	}
	r.Latency = quantilesOf(&latency)
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Failed = l.failed
	joins := sortedCopy(l.joins)
	r.Join = Quantiles{milliseconds(percentile(joins, 50)), milliseconds(percentile(joins, 95)),
		milliseconds(percentile(joins, 99)), milliseconds(percentile(joins, 100))}
	return r
}

// memory adds what a viewer costs the server: how its memory grew since the first tenth had joined.
func (l *load) memory(r *Result) {
	if l.server == nil || r.Server == nil {
		return
	}
	kb, err := l.server.rss()
	if err != nil {
		return
	}
	r.Server.RSSKB = kb
	l.mu.Lock()
	defer l.mu.Unlock()
	if more := r.Joined - l.rss.viewers; more > 0 {
		r.Server.KBPerViewer = (kb - l.rss.kb) / float64(more)
	}
}

// close ends every session, 64 at a time.
func (l *load) close() {
	places := make(chan struct{}, 64)
	var closing sync.WaitGroup
	for _, v := range l.all() {
		places <- struct{}{}
		closing.Go(func() {
			_ = v.Close() // the result stands, whatever a DELETE brings
			<-places
		})
	}
	closing.Wait()
	if l.publisher != nil {
		l.endStream()
		<-l.published
		_ = l.publisher.Close()
	}
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
