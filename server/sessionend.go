package server

import (
	"time"

	"oneport/ice"
)

// close ends the session, once, from any goroutine: the client is told, its place in the stream is given up, and one line
// says why, how long and how much. What is left of a handshake is not waited for: others wait for the caller.
func (s *session) close(reason error) {
	s.ending.Do(func() { s.end(reason) })
	<-s.ended
}

func (s *session) end(reason error) {
	defer close(s.ended)
	s.server.timers.forget(s)
	l := s.link()
	goodbye, links, paths := s.shut()
	if l != nil {
		s.server.survive(s.log, "a session's last word", func() { l.close(goodbye) })
	}
	s.current.Store(nil)
	s.leave()
	for _, l := range links {
		l.close(nil)
	}
	if u := s.server.udp; u != nil {
		u.release(s, paths)
	}
	s.server.sessions.handshakes.Go(s.peer.Wait) // while the table has the session, so that no end of the server misses it
	s.account(reason)
}

// shut ends the peer, whose last word it returns, and gives up the paths.
func (s *session) shut() (goodbye []byte, links map[ice.Path]link, paths []ice.Path) {
	s.in.Lock()
	defer s.in.Unlock()
	s.over = true
	links, paths = s.links, s.udp
	s.links, s.udp = nil, nil
	s.server.survive(s.log, "a session's end", func() { goodbye = s.peer.Close() })
	return goodbye, links, paths
}

// leave ends the session's part in the stream. A viewer's place there is given up when it is accounted for.
func (s *session) leave() {
	if p := s.publication.Load(); p != nil {
		p.Close()
	}
	if s.reader != nil {
		s.writer.remove(s)
	}
	s.unqueue()
}

// account adds what the session carried to the server's counters, takes it out of the table and logs its end.
func (s *session) account(reason error) {
	t := s.server.retire(s)
	s.saying().Info("session ended", "stream", s.info.name.String(), "role", s.info.role(), "why", reason.Error(),
		"lasted", time.Since(s.info.created).Round(time.Millisecond).String(), "packets_in", t.in.Packets, "lost", t.in.Lost,
		"packets_out", t.out.Packets, "skips", t.skips)
}
