module iceserver/test/signaling

go 1.26.0

replace iceserver => ../..

require iceserver v0.0.0

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
)
