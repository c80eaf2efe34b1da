package stream

import "oneport/media"

// Stream is the stream that is read.
func (r *Reader) Stream() *Stream { return r.stream }

// Formats are what the publisher of packets of that name sends; none while there is none.
func (h *Hub) Formats(name Name) (list []media.Format) {
	h.look(name, func(s *Stream) {
		if s.pub.writes != packets {
			return
		}
		for k := range s.lanes {
			if f := s.lanes[k].format; f != nil {
				list = append(list, *f)
			}
		}
	})
	return list
}

// FrameFormats are what the publisher of frames of that name sends; none while there is none.
func (h *Hub) FrameFormats(name Name) (list []*media.FrameFormat) {
	h.look(name, func(s *Stream) {
		if s.pub.writes != frames {
			return
		}
		for _, f := range s.frames.formats {
			if f != nil {
				list = append(list, f)
			}
		}
	})
	return list
}

// ID is the id of the stream of that name, empty if there is none.
func (h *Hub) ID(name Name) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.streams[name]; s != nil {
		return s.id
	}
	return ""
}

// CountSent keeps with the stream of that name, and for as long as that lives, how many bytes went to those who have no reader.
func (h *Hub) CountSent(name Name, bytes uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.streams[name]; s != nil {
		s.sent.Add(bytes)
	}
}

// CountSent keeps with the reader's stream how many bytes went to the reader, who can be asked no more. Another stream of the same name
// gets none of them, even if the reader's has ended by then.
func (r *Reader) CountSent(bytes uint64) { r.stream.sent.Add(bytes) }

// CountSent is that of Reader.
func (r *FrameReader) CountSent(bytes uint64) { r.stream.sent.Add(bytes) }

// Live says whether somebody publishes the stream of that name.
func (h *Hub) Live(name Name) (live bool) {
	h.look(name, func(*Stream) { live = true })
	return live
}

// Publisher is who publishes the stream of that name, nil while nobody does.
func (h *Hub) Publisher(name Name) (pub Publisher) {
	h.look(name, func(s *Stream) { pub = s.pub.publisher })
	return pub
}

// look lets a function read a stream that somebody publishes; without one it is not called.
func (h *Hub) look(name Name, read func(*Stream)) {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub != nil {
		read(s)
	}
}
