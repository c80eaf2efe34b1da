package stream

import "oneport/media"

// Stream is the stream that is read.
func (r *Reader) Stream() *Stream { return r.stream }

// Formats are what the publisher of packets of that name sends; none while there is none.
func (h *Hub) Formats(name Name) (list []media.Format) {
	h.look(name, packets, func(s *Stream) {
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
	h.look(name, frames, func(s *Stream) {
		for _, f := range s.frames.formats {
			if f != nil {
				list = append(list, f)
			}
		}
	})
	return list
}

// look lets a function read a stream that a publisher writes in that form; without one it is not called.
func (h *Hub) look(name Name, f form, read func(*Stream)) {
	h.mu.Lock()
	s := h.streams[name]
	h.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.pub != nil && s.pub.writes == f {
		read(s)
	}
}
