package config

import (
	"iter"
	"reflect"
	"slices"
)

// DefaultVhost is the virtual host for every name that has none of its own.
const DefaultVhost = "__defaultVhost__"

// Vhosts is the set of virtual hosts: a root struct has one as its field `conf:"vhost"`. T is the struct of their settings.
type Vhosts[T any] struct {
	list   []*Vhost[T]
	byName map[string]*Vhost[T]
}

// Vhost is one virtual host.
type Vhost[T any] struct {
	Name     string
	Enabled  bool `conf:"enabled" default:"on" env:"-" doc:"Whether this virtual host is served."`
	Settings T    `conf:",inline"`
}

// Find returns the virtual host for a name: its own, else the default one; nil if that is off or there is none.
func (v *Vhosts[T]) Find(name string) *Vhost[T] {
	h, ok := v.byName[name]
	if !ok {
		h, ok = v.byName[DefaultVhost]
	}
	if !ok || !h.Enabled {
		return nil
	}
	return h
}

// All yields the virtual hosts in the order they were written, the switched off ones too.
func (v *Vhosts[T]) All() iter.Seq[*Vhost[T]] { return slices.Values(v.list) }

// vhostSet is Vhosts[T] for whatever T.
type vhostSet interface {
	entryType() reflect.Type
	// entry adds a virtual host and returns a pointer to it; nil if there is one of that name.
	entry(name string) any
	reset()
}

func (v *Vhosts[T]) entryType() reflect.Type { return reflect.TypeFor[Vhost[T]]() }

func (v *Vhosts[T]) reset() { v.list, v.byName = nil, make(map[string]*Vhost[T]) }

func (v *Vhosts[T]) entry(name string) any {
	if v.byName[name] != nil {
		return nil
	}
	h := &Vhost[T]{Name: name}
	v.list = append(v.list, h)
	v.byName[name] = h
	return h
}
