package netio

import "testing"

func TestTable(t *testing.T) {
	var tab table[string]
	a, _ := tab.add("a")
	b, generation := tab.add("b")
	if a != 0 || b != 1 {
		t.Fatalf("ids %d and %d, want 0 and 1", a, b)
	}
	if v := tab.match(b, generation); v == nil || *v != "b" {
		t.Errorf("match of the holder: %v", v)
	}
	tab.remove(b)
	if tab.find(b) != nil || tab.match(b, generation) != nil {
		t.Error("a removed value is still found")
	}
	c, later := tab.add("c")
	if c != b {
		t.Errorf("id %d, want %d again", c, b)
	}
	if tab.match(c, generation) != nil {
		t.Error("an event for the old holder reaches the new one")
	}
	if v := tab.match(c, later); v == nil || *v != "c" {
		t.Errorf("match of the new holder: %v", v)
	}
	if tab.find(99) != nil || tab.find(1<<32-1) != nil {
		t.Error("an id that was never given is found")
	}
	var all string
	tab.all(func(_ SocketID, v *string) { all += *v })
	if all != "ac" {
		t.Errorf("all gave %q", all)
	}
}
