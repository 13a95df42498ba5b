"""The loss surface of networks: are Hessians of batches random matrices? (arXiv:2102.06740, arXiv:2205.08601)"""
