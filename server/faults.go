package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"oneport/dtls"
)

// survive does work that meets what anybody may publish or send. None of that should make it panic; if something does, it is to
// cost what the work is for and nothing else. So the panic is counted and logged here, once, and the caller ends that. What the
// work locks it unlocks by defer. Survive reports whether the work came to its end.
func (s *Server) survive(log *slog.Logger, what string, work func()) (survived bool) {
	defer func() {
		if p := recover(); p != nil {
			s.blame(log, what, p, debug.Stack())
		}
	}()
	work()
	return true
}

// blame counts and logs a panic.
func (s *Server) blame(log *slog.Logger, what string, reason any, stack []byte) {
	s.stats.panics.Add(1)
	log.Error(what+" panicked", "panic", fmt.Sprint(reason), "stack", string(stack))
}

// unmask gives the reason why a session ends, and counts and logs the panic if it is one: those of a
// handshake's own goroutine come as errors.
func (s *session) unmask(reason error) error {
	var f *dtls.Fault
	if !errors.As(reason, &f) {
		return reason
	}
	s.server.blame(s.log, "a DTLS handshake", f.Panic, f.Stack)
	return errPanic
}

// panics are those of this package's own goroutines, and those that ports caught.
func (s *Server) panics() uint64 {
	n := s.stats.panics.Load()
	for _, p := range s.ports {
		n += p.Stats().Panics
	}
	return n
}

// withstand ends the connection of a request that panics.
func (s *Server) withstand(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.survive(s.log, "a request of "+r.URL.Path, func() { next.ServeHTTP(w, r) }) {
			panic(http.ErrAbortHandler) // which package http does not log
		}
	})
}
