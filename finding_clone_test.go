package sshwhy_test

import (
	"reflect"
	"testing"

	"github.com/sshwhy/sshwhy"
)

// TestCloneSharesNothing fills every field of a finding, clones it, overwrites
// all memory of the first, and expects the clone to be what it was: a field
// that is added to Finding must be cloned as well.
func TestCloneSharesNothing(t *testing.T) {
	f, want := &sshwhy.Finding{}, &sshwhy.Finding{}
	fill(reflect.ValueOf(f).Elem(), 'a')
	fill(reflect.ValueOf(want).Elem(), 'a')
	clone := f.Clone()
	if !reflect.DeepEqual(clone, want) {
		t.Fatalf("the clone is %+v, want %+v", clone, want)
	}
	scribble(reflect.ValueOf(f).Elem())
	if !reflect.DeepEqual(clone, want) {
		t.Errorf("the clone changed with the finding: %+v", clone)
	}
}

// fill sets every field to something that is not zero.
func fill(v reflect.Value, c byte) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), c+byte(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 4))
		for i := range v.Len() {
			fill(v.Index(i), c+byte(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), c)
		}
	case reflect.String:
		v.SetString("text " + string(rune(c)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(c % 100))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(c % 100))
	default:
		panic("no way to fill a " + v.Kind().String())
	}
}

// scribble overwrites what slices point to.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			if e := v.Index(i); e.Kind() != reflect.Slice && e.CanSet() {
				e.SetZero()
			}
		}
	}
}
