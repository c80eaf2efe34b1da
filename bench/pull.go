package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// pull is a viewer by plain HTTP: what those of HTTP-FLV and of HLS have in common. It has one goroutine of its own, and
// net/http's two for an open connection.
type pull struct {
	http   *http.Client
	bearer string
	begun  time.Time
	end    context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards what follows
	stats   Stats
	first   time.Time // of the media; zero: none yet
	started chan struct{}
	opened  bool // started is closed
	err     error
}

// newPull makes a viewer whose requests share one connection, which is not shared with other viewers.
func newPull(bearer string) (*pull, context.Context) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost = 1
	ctx, end := context.WithCancel(context.Background())
	return &pull{http: &http.Client{Transport: transport}, bearer: bearer, begun: time.Now(), end: end,
		done: make(chan struct{}), started: make(chan struct{})}, ctx
}

// run is the viewer's goroutine.
func (p *pull) run(play func() error) {
	defer close(p.done)
	err := play()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	p.open()
}

// open tells those who wait for media that it has come, or will not. The viewer is locked.
func (p *pull) open() {
	if !p.opened {
		p.opened = true
		close(p.started)
	}
}

// statusError is a response that is not the one wanted.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return e.text }

// get requests a URL; the caller closes the body.
func (p *pull) get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	authorize(req, p.bearer)
	res, err := p.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
	return nil, &statusError{res.StatusCode, fmt.Sprintf("get %s: the server says %s: %s", req.URL.Path, res.Status, firstLine(body))}
}

// media notes that bytes of media have come.
func (p *pull) media(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() {
		p.first = at
		p.open()
	}
}

func (p *pull) Started() <-chan struct{} { return p.started }

// JoinTime is the time from the request to the first media; 0 if none has come.
func (p *pull) JoinTime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() {
		return 0
	}
	return p.first.Sub(p.begun)
}

// Err says why nothing more comes; nil while all is well.
func (p *pull) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Profile is none: nothing is encrypted here, but perhaps by TLS.
func (p *pull) Profile() string { return "" }

func (p *pull) Close() error {
	p.end()
	<-p.done
	p.http.CloseIdleConnections()
	return nil
}

var errStreamEnded = errors.New("the server ended the stream")
