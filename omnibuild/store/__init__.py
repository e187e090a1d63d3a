"""The content-addressed local store: blobs, trees and recorded results."""
