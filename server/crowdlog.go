package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	crowdPeriod = 10 * time.Second
	crowdLines  = 20 // of one message in a period
)

// crowdLog bounds the lines that anybody can cause for nothing: a crowd must not fill the log. What is more of a message is told
// at the level of debugging, and counted by the next line of that message. Messages have to be constants, for each is remembered.
type crowdLog struct {
	slog.Handler
	counts *crowdCounts
}

// newCrowdLog is the bounded log of a server.
func newCrowdLog(log *slog.Logger) *slog.Logger {
	return slog.New(crowdLog{log.Handler(), &crowdCounts{of: make(map[string]crowdCount)}})
}

// Handle is part of slog.Handler.
func (h crowdLog) Handle(ctx context.Context, r slog.Record) error {
	before, ok := h.counts.take(r.Time, r.Message)
	switch {
	case ok && before > 0:
		r.AddAttrs(slog.Int("left_out_before", before))
	case !ok && !h.Enabled(ctx, slog.LevelDebug):
		return nil
	case !ok:
		r.Level = slog.LevelDebug
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is part of slog.Handler.
func (h crowdLog) WithAttrs(list []slog.Attr) slog.Handler {
	return crowdLog{h.Handler.WithAttrs(list), h.counts}
}

// WithGroup is part of slog.Handler.
func (h crowdLog) WithGroup(name string) slog.Handler {
	return crowdLog{h.Handler.WithGroup(name), h.counts}
}

// crowdCounts are shared by a log and all that are made of it.
type crowdCounts struct {
	mu sync.Mutex
	of map[string]crowdCount // by message
}

type crowdCount struct {
	since   time.Time // the period's beginning
	lines   int       // told in it
	leftOut int       // since the last one that was told
}

// take says whether a line of a message may be told, and how many were left out before it.
func (c *crowdCounts) take(now time.Time, message string) (before int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.of[message]
	if now.Sub(e.since) >= crowdPeriod {
		e.since, e.lines = now, 0
	}
	if e.lines < crowdLines {
		e.lines++
		before, ok = e.leftOut, true
		e.leftOut = 0
	} else {
		e.leftOut++
	}
	c.of[message] = e
	return before, ok
}
