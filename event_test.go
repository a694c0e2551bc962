package sshwhy

import "testing"

// TestShape asks events for their fields with a shape and without.
func TestShape(t *testing.T) {
	fields := []Captured{
		{Field: FieldUser, Start: 0, End: 5},
		{Field: FieldRemoteUser, Start: 5, End: 5},
		{Field: FieldPort, Start: 6, End: 8},
		{Field: FieldWho, Value: 3},
	}
	pushed := Event{Message: []byte("alice 22")}
	for _, c := range fields {
		pushed.Push(c)
	}
	shaped := Event{Message: pushed.Message}
	copy(shaped.Room()[:], fields)
	shaped.Shaped(ShapeOf(fields))
	for _, ev := range []*Event{&pushed, &shaped} {
		if n := len(ev.Captures()); n != len(fields) {
			t.Fatalf("%d fields, want %d", n, len(fields))
		}
		if got := string(ev.Get(FieldUser)); got != "alice" {
			t.Errorf("the user is %q", got)
		}
		if got := ev.Get(FieldRemoteUser); got == nil || len(got) > 0 || !ev.Has(FieldRemoteUser) {
			t.Errorf("the empty field is %q", got)
		}
		if got := ev.Int(FieldPort); got != 22 {
			t.Errorf("the port is %d", got)
		}
		if ev.Get(FieldWho) != nil || ev.Constant(FieldWho) != 3 || ev.At(FieldWho) != 3 {
			t.Errorf("the constant is %d at %d, with the text %q", ev.Constant(FieldWho), ev.At(FieldWho), ev.Get(FieldWho))
		}
		if ev.Get(FieldAddr) != nil || ev.Has(FieldAddr) || ev.Constant(FieldAddr) != 0 || ev.Constant(FieldUser) != 0 {
			t.Error("it has what it has not")
		}
	}
	if shaped.Push(Captured{Field: FieldAddr, Start: 1, End: 2}); string(shaped.Get(FieldAddr)) != "l" {
		t.Error("a field that was added is not found")
	}
	if shaped.Rewind(1); shaped.Has(FieldPort) || !shaped.Has(FieldUser) {
		t.Error("a field that was dropped is found")
	}
	if shaped.Reset(&Record{}); shaped.Has(FieldUser) {
		t.Error("an empty event has a field")
	}
}

// TestRoomIsKept fills an event twice.
func TestRoomIsKept(t *testing.T) {
	var ev Event
	first := ev.Room()
	ev.Reset(&Record{})
	if ev.Room() != first {
		t.Error("an event takes new memory for each record")
	}
}
