//go:build !linux

package doctor

// kernelFeatures are none here: the relay uses none of them.
func kernelFeatures() []feature { return nil }
