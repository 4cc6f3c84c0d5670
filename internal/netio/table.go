package netio

// A table gives values small, dense ids that are used again after removal. The
// generation of an id changes whenever its value goes, so that a late event for
// the old holder is recognised and not given to the new one.
type table[T any] struct {
	slots []slot[T]
	free  []SocketID
}

type slot[T any] struct {
	value      T
	generation int32
	open       bool
}

// add stores v under the id freed last, which is the one most likely still in
// the caches, or under a new one.
func (t *table[T]) add(v T) (SocketID, int32) {
	var id SocketID
	if last := len(t.free) - 1; last >= 0 {
		id, t.free = t.free[last], t.free[:last]
	} else {
		id = SocketID(len(t.slots))
		t.slots = append(t.slots, slot[T]{})
	}
	s := &t.slots[id]
	s.value, s.open = v, true
	return id, s.generation
}

// find returns the value of id, or nil. The pointer holds until the next add.
func (t *table[T]) find(id SocketID) *T {
	if uint64(id) >= uint64(len(t.slots)) || !t.slots[id].open {
		return nil
	}
	return &t.slots[id].value
}

// match is find for an event that was made for one generation of the id.
func (t *table[T]) match(id SocketID, generation int32) *T {
	v := t.find(id)
	if v == nil || t.slots[id].generation != generation {
		return nil
	}
	return v
}

// remove frees an id that is open.
func (t *table[T]) remove(id SocketID) {
	s := &t.slots[id]
	*s = slot[T]{generation: s.generation + 1}
	t.free = append(t.free, id)
}

// all calls f for every open id.
func (t *table[T]) all(f func(SocketID, *T)) {
	for id := range t.slots {
		if t.slots[id].open {
			f(SocketID(id), &t.slots[id].value)
		}
	}
}
